import { beforeEach, describe, expect, it } from 'vitest';
import { encodeCommand } from '../protocol/command-codec.ts';
import { LOGIN_LIMITS } from '../protocol/login-limits.ts';
import { BAD_SIGNATURE, bytesFrom, ChatHarness, recordFrom } from '../testing/chat-harness.ts';
import { delayAfter } from './attempts.ts';
import { KEYS } from './keys.ts';
import { grantOf, loginSetupCount, loginWaitMs, passwordOf, totpOf, vaultOf } from './queries-login.ts';
import { auditPage } from './queries-audit.ts';
import { findExpired } from './queries-sweep.ts';
import type { CommandBodies } from '../protocol/commands.ts';
import type { AccountName, NodeName, StampMs, TxnId } from '../protocol/ids.ts';
import type { Person } from '../testing/chat-harness.ts';

const SIGNATURE = new Uint8Array(64);
const address = (label: string): Uint8Array => bytesFrom(label).subarray(0, 16);

const sealed = (label: string): Uint8Array => Uint8Array.from([...bytesFrom(label), ...bytesFrom(label)]);

let chat: ChatHarness;
let ann: Person;
let passwordId: TxnId;

beforeEach(() => {
  chat = new ChatHarness();
  ann = chat.register('ann');
  chat.must('login.add-setup', null, { version: 1, sealed: sealed('setup 1') });
  passwordId = setPassword(ann);
});

function setPassword(person: Person, setup = 1): TxnId {
  const txnId = chat.txn();
  chat.must('password.set', person, { record: new Uint8Array(192), setup, signature: SIGNATURE }, txnId);
  return txnId;
}

const start = (name: string, from = 'home') =>
  chat.run('login.start', null, { name: name as AccountName, address: address(from) });
const waits = (name: string, from = 'elsewhere'): number =>
  loginWaitMs(chat.view, { name: name as AccountName, address: address(from) }, chat.stampMs);
const finish = (
  label: string,
  changes: Partial<CommandBodies['login.finish']> = {},
): CommandBodies['login.finish'] => ({
  account: ann.account,
  passwordId,
  loginId: bytesFrom(`login ${label}`),
  loginExpiresAt: (chat.stampMs + 60_000) as StampMs,
  totpStep: null,
  grantHash: bytesFrom(`grant ${label}`),
  ...changes,
});
const stepNow = (): number => Math.floor(chat.stampMs / LOGIN_LIMITS.totpStepMs);
const rows = async (act: string) =>
  (await auditPage(chat.view, { reverse: false, limit: 500 })).rows.filter((row) => row.act === act);
async function sweep(): Promise<void> {
  const keys = await findExpired(chat.view, chat.stampMs, 1_000);
  chat.must('state.sweep', null, { keys });
}

describe('login.start', () => {
  it('lets a few attempts on a name through, then makes each wait twice as long, without lockout', () => {
    const seconds: number[] = [];
    for (let attempt = 1; attempt <= 16; attempt++) {
      expect(start('ann', `address ${attempt}`).ok).toBe(true);
      seconds.push(waits('ann') / 1_000);
      chat.wait(waits('ann'));
    }
    expect(seconds).toEqual([0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
  });

  it('bounds an address over all names, and less strictly', () => {
    const seconds: number[] = [];
    for (let attempt = 1; attempt <= 28; attempt++) {
      expect(start(`name${attempt}`).ok).toBe(true);
      seconds.push(waits('somebody', 'home') / 1_000);
      chat.wait(waits('somebody', 'home'));
    }
    expect(seconds.slice(18)).toEqual([0, 0, 1, 2, 4, 8, 16, 32, 32, 60]);
    expect(waits('somebody', 'elsewhere')).toBe(0);
  });

  it('says how long to wait, and does not count who comes too early', () => {
    for (let i = 0; i < 5; i++) expect(start('ann').ok).toBe(true);
    for (let i = 0; i < 10; i++) {
      expect(start('ann')).toMatchObject({ ok: false, code: 'login_delayed', data: { retryAfterMs: 1_000 } });
    }
    chat.wait(1_000);
    expect(start('ann').ok).toBe(true);
    expect(waits('ann')).toBe(2_000);
  });

  it('treats names that nobody has as all others', () => {
    for (let attempt = 1; attempt <= 12; attempt++) {
      const [known, unknown] = [start('ann', `a${attempt}`), start('nobody', `b${attempt}`)];
      expect(unknown).toEqual(known);
      expect(waits('nobody')).toBe(waits('ann'));
      chat.wait(waits('ann'));
    }
  });

  it('counts a repetition of the command once', () => {
    const body = { name: 'ann' as AccountName, address: address('home') };
    const txnId = chat.txn();
    for (let i = 0; i < 10; i++) expect(chat.code('login.start', null, body, txnId)).toBe('ok');
    expect(waits('ann')).toBe(0);
  });

  it('forgets attempts one after the other, and leaves no row behind', async () => {
    for (let i = 0; i < 6; i++) {
      expect(start('nobody', `a${i}`).ok).toBe(true);
      chat.wait(waits('nobody'));
    }
    chat.wait(3 * 3_600_000);
    expect(start('nobody', 'x').ok).toBe(true);
    expect(waits('nobody')).toBe(0);
    chat.wait(24 * 3_600_000);
    await sweep();
    const left = await chat.view.range({ gte: 'Y/name/', lt: 'Y/namf', limit: 10 });
    expect([left, chat.view.get(KEYS.strangerNames)]).toMatchObject([[], expect.anything()]);
    expect(start('other').ok).toBe(true);
    expect(await chat.view.range({ gte: 'Y/name/', lt: 'Y/namf', limit: 10 })).toHaveLength(1);
  });

  it('keeps neither names nor addresses in keys', async () => {
    start('somebody.secret');
    const keys = await chat.view.range({ gte: 'Y/', lt: 'Y0', limit: 100 });
    expect(keys.map(([key]) => key).join()).not.toMatch(/somebody|192\.0/);
  });

  it('tells in the audit log of attempts that led to nothing, and whence they came', async () => {
    const body = { name: 'ann' as AccountName, address: address('elsewhere') };
    const source = { node: 'n3' as NodeName, address: '203.0.113.66' };
    chat.apply(encodeCommand({ kind: 'login.start', actor: null, txnId: chat.txn(), body, source }));
    expect(await rows('session.refused')).toEqual([]);
    // It is the owner who comes next.
    start('ann');
    expect(await rows('session.refused')).toMatchObject([
      { subject: { accounts: [ann.account], value: 'password_wrong' }, address: '203.0.113.66', node: 'n3' },
    ]);
  });
});

describe('login.finish', () => {
  it('gives a grant, clears the count of the name and not that of the address', () => {
    for (let i = 0; i < 22; i++) {
      start(i % 2 === 0 ? 'ann' : `other${i}`);
      chat.wait(Math.max(waits('ann'), waits('ann', 'home')));
    }
    start('ann');
    expect(waits('ann')).toBeGreaterThan(1_000);
    const { expiresAt } = chat.must('login.finish', null, finish('1'));
    expect(waits('ann')).toBe(0);
    expect(waits('ann', 'home')).toBeGreaterThan(0);
    expect(grantOf(chat.view, bytesFrom('grant 1'), chat.stampMs)).toEqual({
      account: ann.account,
      expiresAt,
      device: null,
    });
    expect(grantOf(chat.view, bytesFrom('grant 1'), expiresAt)).toBeUndefined();
  });

  it('takes each start once, and repeats its result for the same request', () => {
    const txnId = chat.txn();
    const original = chat.run('login.finish', null, finish('1'), txnId);
    expect(chat.run('login.finish', null, finish('1'), txnId)).toEqual(original);
    expect(chat.code('login.finish', null, finish('2', { loginId: bytesFrom('login 1') }))).toBe('challenge_replayed');
  });

  it('refuses what was checked against an earlier password, or has taken too long', () => {
    const earlier = finish('1');
    passwordId = setPassword(ann);
    expect(chat.code('login.finish', null, earlier)).toBe('challenge_invalid');
    expect(chat.code('login.finish', null, finish('2', { loginExpiresAt: chat.stampMs }))).toBe('challenge_invalid');
    expect(chat.code('login.finish', null, finish('3'))).toBe('ok');
  });

  it('refuses who is banned or deactivated', () => {
    chat.must('user.ban', null, { account: ann.account, reason: '', forMs: null });
    expect(chat.code('login.finish', null, finish('1'))).toBe('account_banned');
    chat.must('user.unban', null, { account: ann.account });
    chat.must('user.set-active', null, { account: ann.account, active: false });
    expect(chat.code('login.finish', null, finish('1'))).toBe('account_deactivated');
  });
});

describe('the second factor', () => {
  beforeEach(() => {
    const step = stepNow() - 1;
    const body = { sealed: sealed('totp'), secretHash: bytesFrom('secret'), step, signature: SIGNATURE };
    chat.must('totp.enable', ann, body);
  });

  it('is asked for, without spending the start', () => {
    expect(chat.code('login.finish', null, finish('1'))).toBe('totp_required');
    expect(chat.code('login.finish', null, finish('1', { totpStep: stepNow() }))).toBe('ok');
  });

  it('takes each code once, whichever login it is for, and none before it', () => {
    const totpStep = stepNow();
    expect(chat.code('login.finish', null, finish('1', { totpStep }))).toBe('ok');
    expect(chat.code('login.finish', null, finish('2', { totpStep }))).toBe('totp_wrong');
    expect(chat.code('login.finish', null, finish('3', { totpStep: totpStep - 1 }))).toBe('totp_wrong');
    expect(chat.code('login.finish', null, finish('4', { totpStep: totpStep + 1 }))).toBe('ok');
  });

  it('takes no code that is further off than a step', () => {
    chat.wait(10 * LOGIN_LIMITS.totpStepMs);
    const codes = [-2, 2, 3].map((off) =>
      chat.code('login.finish', null, finish(`${off}`, { totpStep: stepNow() + off })),
    );
    expect(codes).toEqual(['totp_wrong', 'totp_wrong', 'totp_wrong']);
  });

  it('spends the start with a wrong code, and the attempt stays counted', () => {
    for (let i = 0; i < 5; i++) start('ann', `a${i}`);
    expect(chat.code('login.finish', null, finish('1', { totpStep: 0 }))).toBe('totp_wrong');
    expect(chat.code('login.finish', null, finish('1', { totpStep: stepNow() }))).toBe('challenge_replayed');
    expect(waits('ann')).toBe(1_000);
  });

  it('goes with the password, or alone', () => {
    chat.must('totp.disable', ann, { signature: SIGNATURE });
    expect(chat.code('login.finish', null, finish('1'))).toBe('ok');
    chat.must('password.remove', ann, { signature: SIGNATURE });
    expect(passwordOf(chat.view, ann.account)).toBeUndefined();
    const body = { sealed: sealed('totp'), secretHash: bytesFrom('secret'), step: 1, signature: SIGNATURE };
    expect(chat.code('totp.enable', ann, body)).toBe('no_password');
    expect(chat.code('password.remove', ann, { signature: SIGNATURE })).toBe('no_password');
  });
});

const vault = (version: number, label = 'v'): CommandBodies['vault.put'] => ({
  version,
  recoveryKey: bytesFrom(`recovery ${label}`),
  userWrap: new Uint8Array(72),
  recoveryWrap: new Uint8Array(72),
  passwordWrap: null,
  sealed: sealed(label),
  signature: SIGNATURE,
});

describe('the vault', () => {
  it('has versions without gaps: of two changes at once the later one is told', () => {
    expect(chat.code('vault.put', ann, vault(2))).toBe('vault_conflict');
    chat.must('vault.put', ann, vault(1));
    expect(chat.run('vault.put', ann, vault(1, 'other'))).toMatchObject({
      code: 'vault_conflict',
      data: { version: 1 },
    });
    chat.must('vault.put', ann, vault(2));
    expect(vaultOf(chat.view, ann.account)!.version).toBe(2);
  });

  it('lets the recovery code in its present version in, past password and phone', () => {
    chat.must('vault.put', ann, vault(1));
    const body = {
      account: ann.account,
      recoveryKey: bytesFrom('recovery v'),
      challengeId: bytesFrom('challenge'),
      challengeExpiresAt: (chat.stampMs + 60_000) as StampMs,
      grantHash: bytesFrom('grant'),
    };
    expect(chat.code('login.recover', null, { ...body, recoveryKey: bytesFrom('other') })).toBe('recovery_refused');
    expect(chat.code('login.recover', null, body)).toBe('ok');
    expect(chat.code('login.recover', null, { ...body, grantHash: bytesFrom('grant 2') })).toBe('challenge_replayed');
    chat.must('vault.put', ann, vault(2, 'renewed'));
    const later = { ...body, challengeId: bytesFrom('challenge 2') };
    expect(chat.code('login.recover', null, later)).toBe('recovery_refused');
  });
});

describe('what a session alone cannot change', () => {
  it('is every factor: each change is signed by the user key', () => {
    const signature = BAD_SIGNATURE;
    const before = passwordOf(chat.view, ann.account);
    const codes = [
      chat.code('password.set', ann, { record: new Uint8Array(192), setup: 1, signature }),
      chat.code('password.remove', ann, { signature }),
      chat.code('totp.enable', ann, { sealed: sealed('x'), secretHash: bytesFrom('y'), step: 1, signature }),
      chat.code('totp.disable', ann, { signature }),
      chat.code('vault.put', ann, { ...vault(1), signature }),
    ];
    expect(codes).toEqual(Array.from(codes, () => 'invalid_signature'));
    expect(passwordOf(chat.view, ann.account)).toEqual(before);
    expect([totpOf(chat.view, ann.account), vaultOf(chat.view, ann.account)]).toEqual([undefined, undefined]);
    expect(chat.code('password.set', null, { record: new Uint8Array(192), setup: 1, signature: SIGNATURE })).toBe(
      'unauthenticated',
    );
  });
});

describe('device.enrol', () => {
  const grantHash = bytesFrom('grant 1');
  const record = recordFrom('ann/new');
  beforeEach(() => void chat.must('login.finish', null, finish('1')));

  it('makes one device out of one proof', () => {
    const txnId = chat.txn();
    const original = chat.run('device.enrol', null, { grantHash, record }, txnId);
    expect(original).toEqual({ ok: true, value: { device: record.device } });
    expect(chat.run('device.enrol', null, { grantHash, record }, txnId)).toEqual(original);
    expect(chat.code('device.enrol', null, { grantHash, record: recordFrom('ann/newer') })).toBe('forbidden');
    // Whoever did not hear of the first attempt learns that it went through.
    expect(chat.code('device.enrol', null, { grantHash, record })).toBe('device_exists');
    expect(chat.login({ ...ann, record }).device).toBe(record.device);
  });

  it('refuses a device that the user key did not sign, proofs that are over, and devices that exist', () => {
    const unsigned = { ...record, signature: BAD_SIGNATURE };
    expect(chat.code('device.enrol', null, { grantHash, record: unsigned })).toBe('invalid_signature');
    expect(chat.code('device.enrol', null, { grantHash: bytesFrom('none'), record })).toBe('unauthenticated');
    expect(chat.code('device.enrol', null, { grantHash, record: ann.record })).toBe('device_exists');
    chat.wait(LOGIN_LIMITS.grantTtlMs);
    expect(chat.code('device.enrol', null, { grantHash, record })).toBe('unauthenticated');
  });

  it('answers the request that this device may have made', () => {
    const { device, signingKey, sealingKey } = record;
    chat.must('device.request', null, { account: ann.account, device, signingKey, sealingKey });
    chat.must('device.enrol', null, { grantHash, record });
    expect(chat.view.get(KEYS.requests(ann.account))).toBeUndefined();
  });
});

describe('setups of the nodes', () => {
  it('are numbered without gaps; after the first, admins add them', () => {
    const setup = (version: number) => ({ version, sealed: sealed(`setup ${version}`) });
    expect(chat.code('login.add-setup', null, setup(1))).toBe('invalid_field');
    expect(chat.code('login.add-setup', ann, setup(2))).toBe('forbidden');
    expect(chat.code('login.add-setup', null, setup(2))).toBe('ok');
    expect(loginSetupCount(chat.view)).toBe(2);
    expect(chat.code('password.set', ann, { record: new Uint8Array(192), setup: 3, signature: SIGNATURE })).toBe(
      'invalid_field',
    );
    expect(passwordOf(chat.view, ann.account)!.setup).toBe(1);
    setPassword(ann, 2);
    expect(passwordOf(chat.view, ann.account)!.setup).toBe(2);
  });
});

describe('deleting an account', () => {
  it('leaves nothing to log in with', async () => {
    chat.must('vault.put', ann, vault(1));
    start('ann');
    chat.must('user.delete', ann, { account: ann.account, messages: false });
    const left = await chat.view.range({ gte: 'Y/', lt: 'Y0', limit: 100 });
    expect(left.map(([key]) => key).filter((key) => key.includes(ann.account))).toEqual([]);
    expect(chat.code('login.finish', null, finish('1'))).toBe('account_deleted');
  });
});

describe('the table of delays', () => {
  it('keeps guesses of one password below a hundred a day', () => {
    const { nameDelays } = LOGIN_LIMITS;
    let [attempts, atMs] = [0, 0];
    for (; atMs < 24 * 3_600_000; attempts++) atMs += delayAfter(attempts + 1, nameDelays);
    expect(attempts).toBeLessThan(115);
  });
});
