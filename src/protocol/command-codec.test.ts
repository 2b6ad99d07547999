import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { blobIdOf } from './blobs.ts';
import { decodeCommand, encodeCommand, encodeCommandBody } from './command-codec.ts';
import { COMMAND_LIMITS } from './command-bodies.ts';
import { LIMITS } from './limits.ts';
import { ParleyError } from './errors.ts';
import { makeTxnId } from './txn-id.ts';
import type { AddressRange } from './address-range.ts';
import type { Actor, Command, CommandKind } from './commands.ts';
import type { DeviceRecord } from './device-record.ts';
import type {
  AccountId,
  AccountName,
  DeviceId,
  LockName,
  NodeName,
  RoomId,
  SessionId,
  Seq,
  StampMs,
  TxnId,
} from './ids.ts';

const packr = new Packr({ useRecords: false, moreTypes: false, variableMapSize: true });
const TAIL = 'a2b3c4d5e6f7g2h3i4j5k6l7mn';
const account = `A${TAIL}` as AccountId;
const device = `D${TAIL}` as DeviceId;
const session = `S${TAIL}` as SessionId;
const room = `R${TAIL}` as RoomId;
const blob = blobIdOf(5, new Uint8Array(32));
const txnId: TxnId = makeTxnId(1_700_000_000_000, new Uint8Array(10).fill(7));
const actor: Actor = { account, device, session };
const bytes = (length: number, fill = 9) => new Uint8Array(length).fill(fill);
const record: DeviceRecord = { device, signingKey: bytes(32), sealingKey: bytes(32, 8), signature: bytes(64) };
const name = 'alice' as AccountName;
const lockName = `${room}/deploy` as LockName;
const time = 1_700_000_000_000 as StampMs;

const login = {
  account,
  passwordId: txnId,
  loginId: bytes(16),
  loginExpiresAt: time,
  totpStep: 5,
  grantHash: bytes(32),
};
const vault = {
  version: 1,
  recoveryKey: bytes(32),
  userWrap: bytes(72),
  recoveryWrap: bytes(72, 1),
  passwordWrap: bytes(72, 2),
  sealed: bytes(300),
  signature: bytes(64),
};

const examples: { readonly [K in CommandKind]: readonly Extract<Command, { kind: K }>['body'][] } = {
  'account.register': [
    { name, userKey: bytes(32), device: record },
    { name, userKey: bytes(32), device: record, inviteHash: bytes(32, 1), policy: 'invite' },
  ],
  'device.request': [{ account, device, signingKey: bytes(32), sealingKey: bytes(32) }],
  'device.approve': [{ record, sealedUserKey: bytes(80) }],
  'device.revoke': [{ device }],
  'session.create': [
    {
      account,
      device,
      challengeId: bytes(16),
      challengeExpiresAt: time,
      accessHash: bytes(32),
      refreshHash: bytes(32),
    },
  ],
  'session.refresh': [{ session, spentHash: bytes(32), accessHash: bytes(32), refreshHash: bytes(32) }],
  'session.revoke': [{ session }],
  'room.create': [
    { kind: 'direct', members: [account] },
    { kind: 'group', members: [], sealedMeta: bytes(100) },
    { kind: 'open', members: [], sealedMeta: bytes(100) },
  ],
  'room.add': [
    { room, members: [account] },
    { room, members: [account], sealedMeta: bytes(5) },
  ],
  'room.remove': [{ room, member: account }],
  'room.set-meta': [{ room, sealedMeta: bytes(10) }],
  'room.set-role': [{ room, member: account, role: 'admin' }],
  'room.mute': [{ room, member: account, forMs: 60_000 }],
  'room.archive': [{ room, archived: true }],
  'room.set-ttl': [{ room, ttlMs: 60_000 }],
  'receipt.mark': [{ marks: [] }, { marks: [{ account, room, delivered: 3, read: 2 }] }],
  'receipt.share': [{ share: true }],
  'room.pin': [{ room, seq: 3 as Seq, pinned: false }],
  'room.create-link': [{ room, secretHash: bytes(32), ttlMs: 60_000, usesMax: 5 }],
  'room.revoke-link': [{ room, secretHash: bytes(32) }],
  'room.join': [{ room, secretHash: bytes(32) }, { room }],
  'room.set-retention': [{ room, retentionMs: 86_400_000 }],
  'hook.add': [{ room, name: 'alerts', signingKey: bytes(32), signature: bytes(64) }],
  'hook.remove': [{ room, hook: device }],
  'hook.say': [{ hook: device, envelope: bytes(800), formerTxnId: txnId }],
  'message.send': [{ room, envelope: bytes(800) }],
  'message.delete': [{ room, seq: 3 as Seq }],
  'invite.create': [{ inviteHash: bytes(32), ttlMs: 60_000 }],
  'lock.acquire': [{ name: lockName, ttlMs: 30_000, waitMs: 0 }],
  'lock.renew': [{ name: lockName, token: 7, ttlMs: 30_000 }],
  'lock.release': [{ name: lockName, token: 7 }, { name: lockName }],
  'blob.begin': [{ blob, sizeBytes: 5, quotaBytes: 10 }],
  'blob.stored': [{ blob }],
  'server.set-registration': [{ policy: 'invite' }],
  'server.set-admin': [{ account, granted: true }],
  'server.set-retention': [{ retentionMs: 0 }],
  'server.set-quotas': [
    { account: null, quotas: {} },
    { account, quotas: { fileBytes: 5, messagesPerDay: null } },
  ],
  'user.ban': [
    { account, reason: 'spam', forMs: 60_000 },
    { account, reason: '', forMs: null },
  ],
  'user.unban': [{ account }],
  'address.ban': [
    { range: '203.0.113.0/24' as AddressRange, reason: 'spam', forMs: 60_000 },
    { range: '2001:db8::1' as AddressRange, reason: '', forMs: null },
  ],
  'address.unban': [{ range: '2001:db8::/32' as AddressRange }],
  'user.set-active': [{ account, active: false }],
  'user.delete': [{ account, messages: true }],
  'profile.set': [{ displayName: 'Ann', status: '' }, { status: 'away' }, {}],
  'block.set': [{ account, blocked: true }],
  'report.create': [
    { room, seq: 3 as Seq, reason: 'spam', revealed: [{ seq: 3 as Seq, r: bytes(32), content: bytes(5) }] },
    { room, seq: 3 as Seq, reason: 'spam', revealed: [] },
  ],
  'report.resolve': [{ report: 4, resolution: 'banned' }],
  'message.purge': [{ room, seq: 3 as Seq }],
  'room.purge': [{ room }],
  'audit.refused-logins': [
    { refused: [] },
    { refused: [{ account, code: 'invalid_signature', address: '::1', count: 3 }] },
  ],
  'audit.node-act': [{ act: 'node.added', node: 'n4' as NodeName }],
  'login.add-setup': [{ version: 1, sealed: bytes(200) }],
  'login.start': [{ name, address: bytes(16) }],
  'login.finish': [login, { ...login, totpStep: null }],
  'login.recover': [
    { account, recoveryKey: bytes(32), challengeId: bytes(16), challengeExpiresAt: time, grantHash: bytes(32) },
  ],
  'device.enrol': [{ grantHash: bytes(32), record }],
  'password.set': [{ record: bytes(192), setup: 1, signature: bytes(64) }],
  'password.remove': [{ signature: bytes(64) }],
  'vault.put': [vault, { ...vault, passwordWrap: null }],
  'totp.enable': [{ sealed: bytes(60), secretHash: bytes(32), step: 9, signature: bytes(64) }],
  'totp.disable': [{ signature: bytes(64) }],
  'keys.rotate': [{ after: 0, cause: 'founded', sealed: Uint8Array.of(1) }],
  'state.sweep': [{ keys: [] }, { keys: ['x/0000000000000001/s/S', 'b'] }],
};
const commands: Command[] = (Object.keys(examples) as CommandKind[]).flatMap((kind) =>
  examples[kind].flatMap((body) => [
    { kind, actor, txnId, body } as Command,
    { kind, actor: null, txnId, body } as Command,
  ]),
);

/** Bytes compare by value, whatever class holds them. */
const plain = (value: unknown): unknown =>
  value instanceof Uint8Array
    ? Buffer.from(value).toString('hex')
    : Array.isArray(value)
      ? value.map(plain)
      : typeof value === 'object' && value !== null
        ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]))
        : value;

function codeOf(input: Uint8Array): string {
  try {
    decodeCommand(input);
    return 'ok';
  } catch (error) {
    expect(error).toBeInstanceOf(ParleyError);
    return (error as ParleyError).code;
  }
}

describe('commands as bytes', () => {
  it.each(
    commands.map((command) => [`${command.kind}${command.actor === null ? ' of nobody' : ''}`, command] as const),
  )('come back as they were: %s', (_kind, command) => {
    const decoded = decodeCommand(encodeCommand(command));
    expect(plain(decoded)).toEqual(plain(command));
    expect(encodeCommand(decoded)).toEqual(encodeCommand(command));
    expect(encodeCommandBody(decoded.kind, decoded.body)).toEqual(encodeCommandBody(command.kind, command.body));
  });

  it('tell whence they come, or nothing of it', () => {
    const base: Command = { kind: 'session.revoke', actor, txnId, body: { session } };
    for (const address of ['192.0.2.1', '2001:db8::1', null]) {
      const command = { ...base, source: { node: 'n1' as NodeName, address } };
      expect(decodeCommand(encodeCommand(command))).toEqual(command);
    }
    const fields = packr.unpack(encodeCommand(base)) as unknown[];
    for (const wrong of [null, [], ['n1'], ['N 1', null], ['n1', 5], ['n1', 'evil.example'], ['n1', '1'.repeat(65)]]) {
      expect(codeOf(packr.pack([...fields, wrong]))).toBe('bad_request');
    }
    expect(codeOf(packr.pack([...fields, ['n1', null], ['n1', null]]))).toBe('bad_request');
  });

  it('hold the envelope as it is, and give a view of it', () => {
    const envelope = bytes(500, 3);
    const encoded = encodeCommand({ kind: 'message.send', actor, txnId, body: { room, envelope } });
    const decoded = decodeCommand(encoded);
    const view = (decoded.body as { envelope: Uint8Array }).envelope;
    expect(view.buffer).toBe(encoded.buffer);
    expect(Buffer.from(encoded).includes(Buffer.from(envelope))).toBe(true);
  });

  it('of a newer version or an unknown kind are told from broken ones', () => {
    const [version, kind, ...rest] = packr.unpack(encodeCommand(commands[0]!)) as unknown[];
    expect(codeOf(packr.pack([2, kind, ...rest]))).toBe('unsupported_version');
    expect(codeOf(packr.pack([2, 'anything']))).toBe('unsupported_version');
    expect(codeOf(packr.pack([version, 99, ...rest]))).toBe('unsupported_version');
    expect(codeOf(packr.pack(['1', kind, ...rest]))).toBe('bad_request');
    expect(codeOf(packr.pack([version, -1, ...rest]))).toBe('bad_request');
    expect(codeOf(packr.pack([version, 1.5, ...rest]))).toBe('bad_request');
    expect(codeOf(packr.pack([version, 'message.send', ...rest]))).toBe('bad_request');
  });

  it('with any field missing, too many, or of another type are refused', () => {
    for (const command of commands) {
      const fields = packr.unpack(encodeCommand(command)) as unknown[];
      const body = fields[4] as unknown[];
      expect(codeOf(packr.pack(fields.slice(0, -1)))).toBe('bad_request');
      expect(codeOf(packr.pack([...fields, null]))).toBe('bad_request');
      expect(codeOf(packr.pack([...fields.slice(0, 4), body.slice(0, -1)]))).toBe('bad_request');
      expect(codeOf(packr.pack([...fields.slice(0, 4), [...body, null]]))).toBe('bad_request');
      for (const wrong of [undefined, true, 1.5, -1, 'x', '', {}, [[], 1], bytes(7), bytes(70_000)]) {
        for (let i = 0; i < body.length; i++) {
          const changed = body.map((field, j) => (i === j ? wrong : field));
          if (isStillRight(command, i, wrong)) continue;
          expect(codeOf(packr.pack([...fields.slice(0, 4), changed])), `${command.kind} ${i} ${typeof wrong}`).toBe(
            'bad_request',
          );
        }
        for (const i of [2, 3, 4]) {
          const changed = fields.map((field, j) => (i === j ? wrong : field));
          expect(codeOf(packr.pack(changed))).toBe('bad_request');
        }
      }
    }
  });

  it('keep to their bounds', () => {
    const add = (members: number) =>
      codeOf(encodeCommand({ kind: 'room.add', actor, txnId, body: { room, members: Array(members).fill(account) } }));
    expect(add(LIMITS.membersPerCommandMax)).toBe('ok');
    expect(add(LIMITS.membersPerCommandMax + 1)).toBe('bad_request');
    const send = (size: number) =>
      codeOf(encodeCommand({ kind: 'message.send', actor, txnId, body: { room, envelope: bytes(size) } }));
    expect(send(LIMITS.envelopeBytesMax)).toBe('ok');
    expect(send(LIMITS.envelopeBytesMax + 1)).toBe('bad_request');
    expect(send(0)).toBe('bad_request');
    const sweep = (keys: string[]) =>
      codeOf(encodeCommand({ kind: 'state.sweep', actor: null, txnId, body: { keys } }));
    expect(sweep(Array(COMMAND_LIMITS.sweepKeysMax).fill('k'))).toBe('ok');
    expect(sweep(Array(COMMAND_LIMITS.sweepKeysMax + 1).fill('k'))).toBe('bad_request');
    expect(sweep(['k'.repeat(COMMAND_LIMITS.sweepKeyBytesMax + 1)])).toBe('bad_request');
    const register = (text: string) =>
      codeOf(
        encodeCommand({
          kind: 'account.register',
          actor: null,
          txnId,
          body: { name: text as AccountName, userKey: bytes(32), device: record },
        }),
      );
    expect(register('al')).toBe('ok');
    for (const text of ['a', 'Alice', 'al ice', 'a'.repeat(33), '@alice', 'älice']) {
      expect(register(text)).toBe('bad_request');
    }
  });

  it('never crash the decoder: any bytes, any truncation, any flipped bit', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (input) => void codeOf(input)));
    const encoded = commands.map((command) => encodeCommand(command));
    fc.assert(
      fc.property(fc.constantFrom(...encoded), fc.nat(), fc.nat({ max: 7 }), (input, at, bit) => {
        const flipped = Uint8Array.from(input);
        flipped[at % input.length]! ^= 1 << bit;
        codeOf(flipped);
        expect(codeOf(input.slice(0, at % input.length))).toBe('bad_request');
        expect(codeOf(Uint8Array.from([...input, 0]))).toBe('bad_request');
      }),
      { numRuns: 500 },
    );
    expect(codeOf(new Uint8Array(100_000).fill(0x91))).toBe('bad_request');
  });
});

/** Values that happen to fit the field they replace. */
function isStillRight(command: Command, field: number, wrong: unknown): boolean {
  const isBytes = wrong instanceof Uint8Array;
  if (command.kind === 'device.approve' && field === 1) return isBytes && wrong.length === 7;
  const isEnvelope =
    (command.kind === 'message.send' && field === 1) ||
    (command.kind === 'hook.say' && field === 1) ||
    (command.kind === 'room.set-meta' && field === 1) ||
    (command.kind === 'room.create' && field === 2) ||
    (command.kind === 'room.add' && field === 2);
  // What msgpack has for `undefined` is nil: an optional field that is missing.
  const isOptional =
    command.kind === 'room.create' || command.kind === 'room.add' || command.kind === 'account.register';
  if ((command.kind === 'login.finish' || command.kind === 'vault.put') && field === 4)
    return wrong === undefined || wrong === null;
  if (command.kind === 'hook.add' && field === 1) return wrong === 'x';
  const isBan = command.kind === 'user.ban' || command.kind === 'address.ban';
  if (isBan && field === 1) return wrong === 'x' || wrong === '';
  if (isBan && field === 2) return wrong === undefined;
  if (command.kind === 'profile.set') return wrong === 'x' || wrong === '' || wrong === undefined;
  if (command.kind === 'report.create' && field === 2) return wrong === 'x' || wrong === '';
  if (command.kind === 'report.resolve' && field === 1) return wrong === 'x' || wrong === '';
  if (command.kind === 'audit.node-act' && field === 1) return wrong === 'x';
  if (command.kind === 'keys.rotate' && field === 2) return isBytes && wrong.length > 0;
  if (command.kind === 'lock.release' && field === 1) return wrong === null;
  if (command.kind.startsWith('lock.') && field === 0) return wrong === 'x';
  if (isEnvelope && isBytes) return wrong.length === 7;
  const isFlag =
    (command.kind === 'room.archive' && field === 1) ||
    (command.kind === 'server.set-admin' && field === 1) ||
    (command.kind === 'user.set-active' && field === 1) ||
    (command.kind === 'user.delete' && field === 1) ||
    (command.kind === 'block.set' && field === 1) ||
    (command.kind === 'room.pin' && field === 2) ||
    (command.kind === 'receipt.share' && field === 0);
  if (isFlag && typeof wrong === 'boolean') return true;
  return isOptional && wrong === null;
}
