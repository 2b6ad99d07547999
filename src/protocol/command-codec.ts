import { Packr } from 'msgpackr';
import { bodyCodecs, isAddressText } from './command-bodies.ts';
import { COMMAND_VERSION } from './commands.ts';
import { ParleyError } from './errors.ts';
import { isAccountId, isDeviceId, isNodeName, isSessionId, isTxnId } from './ids.ts';
import type { RequestSource } from './audit.ts';
import type { BodyCodec } from './body-codec.ts';
import type { Actor, Command, CommandBodies, CommandKind, CommandOf } from './commands.ts';

/**
 * A command as bytes: the msgpack array `[version, kind, actor, txnId, body]`, where `kind` is a number, `actor` is
 * `[account, device, session]` or nil, and `body` is the array of the kind's fields; and behind it, where it is told,
 * the source `[node, address or nil]`. The entry node encodes once; log, wire and `apply()` keep those bytes.
 */
const packr = new Packr({ useRecords: false, moreTypes: false, variableMapSize: true });

/** The place in this list is what stands in the bytes: only ever append. */
const KINDS = [
  'account.register',
  'device.request',
  'device.approve',
  'device.revoke',
  'session.create',
  'session.refresh',
  'session.revoke',
  'room.create',
  'room.add',
  'room.remove',
  'room.set-meta',
  'message.send',
  'invite.create',
  'state.sweep',
  'message.delete',
  'lock.acquire',
  'lock.renew',
  'lock.release',
  'blob.begin',
  'blob.stored',
  'room.set-role',
  'room.mute',
  'room.archive',
  'room.pin',
  'room.create-link',
  'room.revoke-link',
  'room.join',
  'room.set-ttl',
  'receipt.mark',
  'receipt.share',
  'audit.refused-logins',
  'audit.node-act',
  'server.set-registration',
  'server.set-admin',
  'user.ban',
  'user.unban',
  'user.set-active',
  'user.delete',
  'report.create',
  'report.resolve',
  'message.purge',
  'room.purge',
  'profile.set',
  'block.set',
  'room.set-retention',
  'server.set-retention',
  'server.set-quotas',
  'login.add-setup',
  'login.start',
  'login.finish',
  'login.recover',
  'device.enrol',
  'password.set',
  'password.remove',
  'vault.put',
  'totp.enable',
  'totp.disable',
  'hook.add',
  'hook.remove',
  'hook.say',
  'keys.rotate',
  'address.ban',
  'address.unban',
] as const satisfies readonly CommandKind[];

export function encodeCommand<K extends CommandKind>(command: CommandOf<K>): Uint8Array {
  const { actor, source } = command;
  return packr.pack([
    COMMAND_VERSION,
    KINDS.indexOf(command.kind),
    actor === null ? null : [actor.account, actor.device, actor.session],
    command.txnId,
    bodyCodecs[command.kind].toFields(command.body),
    ...(source === undefined ? [] : [[source.node, source.address]]),
  ]);
}

/** The body alone, in one canonical form: what dedupe hashes. */
export function encodeCommandBody<K extends CommandKind>(kind: K, body: CommandBodies[K]): Uint8Array {
  return packr.pack(bodyCodecs[kind].toFields(body));
}

/**
 * Byte strings of the command are views into `bytes`, not copies.
 *
 * @throws ParleyError `unsupported_version` for a newer version or an unknown kind, `bad_request` for everything
 *   else that `encodeCommand` does not make
 */
export function decodeCommand(bytes: Uint8Array): Command {
  const [version, kindNumber, rawActor, txnId, rawBody, ...rawSource] = unpackArray(bytes);
  if (version !== COMMAND_VERSION) {
    if (!Number.isSafeInteger(version)) throw malformed('version');
    throw new ParleyError('unsupported_version', `This command has version ${String(version)}.`);
  }
  if (typeof kindNumber !== 'number' || !Number.isSafeInteger(kindNumber) || kindNumber < 0) throw malformed('kind');
  const kind = KINDS[kindNumber];
  if (kind === undefined) {
    throw new ParleyError('unsupported_version', `This command is of an unknown kind (${kindNumber}).`);
  }
  if (typeof txnId !== 'string' || !isTxnId(txnId)) throw malformed('txnId');
  if (!Array.isArray(rawBody)) throw malformed('body');
  const codec: BodyCodec<unknown> = bodyCodecs[kind];
  const body = codec.fromFields(rawBody);
  if (body === undefined) throw malformed('body');
  return { kind, actor: actorOf(rawActor), txnId, body, ...sourceOf(rawSource) } as Command;
}

function sourceOf(raw: readonly unknown[]): { readonly source?: RequestSource } {
  if (raw.length === 0) return {};
  const [source] = raw;
  if (raw.length > 1 || !Array.isArray(source) || source.length !== 2) throw malformed('source');
  const [node, address] = source as [unknown, unknown];
  if (typeof node !== 'string' || !isNodeName(node)) throw malformed('source');
  if (address !== null && !isAddressText(address)) throw malformed('source');
  return { source: { node, address } };
}

function actorOf(raw: unknown): Actor | null {
  if (raw === null) return null;
  if (!Array.isArray(raw) || raw.length !== 3) throw malformed('actor');
  const [account, device, session] = raw as [unknown, unknown, unknown];
  if (typeof account !== 'string' || !isAccountId(account)) throw malformed('actor');
  if (typeof device !== 'string' || !isDeviceId(device)) throw malformed('actor');
  if (typeof session !== 'string' || !isSessionId(session)) throw malformed('actor');
  return { account, device, session };
}

function unpackArray(bytes: Uint8Array): unknown[] {
  let value: unknown;
  try {
    value = packr.unpack(bytes);
  } catch (cause) {
    throw new ParleyError('bad_request', 'This command is not valid msgpack.', { cause });
  }
  if (!Array.isArray(value)) throw malformed('form');
  return value;
}

function malformed(what: string): ParleyError {
  return new ParleyError('bad_request', `The command's ${what} is not in its proper form.`);
}
