import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { serveForTest } from '../api/test-server.ts';
import { totpCode, totpStepAt } from '../crypto/totp.ts';
import { TestClient } from '../testing/client/test-client.ts';
import { answerOf } from '../testing/client/test-network.ts';
import { LocalChatNode } from '../testing/local-chat-node.ts';
import type { TestServer } from '../api/test-server.ts';
import type { LoginStage } from './login-stage.ts';

const PASSWORD = 'correct horse battery';

let server: TestServer;
let node: LocalChatNode;
let endpoints: string[];
beforeAll(async () => {
  node = new LocalChatNode();
  server = await serveForTest(node);
  endpoints = [server.url];
});
afterAll(() => server.close(1_000));

interface Refusal {
  readonly code: string;
  readonly data: Record<string, unknown>;
}
const refusal = (work: Promise<unknown>): Promise<Refusal> =>
  work.then(
    () => expect.fail('it was not refused'),
    (error: Refusal) => error,
  );
const codeOf = async (work: Promise<unknown>): Promise<string> => (await refusal(work)).code;

async function signedUp(name: string, opensVault = false): Promise<{ person: TestClient; recoveryCode: string }> {
  const person = await TestClient.open({ endpoints });
  const { recoveryCode } = await person.client.login.signUp({ name, password: PASSWORD, opensVault });
  return { person, recoveryCode };
}

/** Somebody who types the password at another machine. */
async function machine(): Promise<TestClient> {
  return TestClient.open({ endpoints });
}

describe('signing up and logging in', () => {
  it('makes a device of a new machine by password and recovery code, and brings whom one knows along', async () => {
    const { person: ann, recoveryCode } = await signedUp('ann');
    const bob = await TestClient.registered('bob', { endpoints });
    await ann.say('@bob', 'hello');
    expect(await ann.client.vault.keepPins()).toBe(true);
    expect(await ann.client.vault.recoveryCode()).toBe(recoveryCode);
    const stages: LoginStage['stage'][] = [];
    const later = await machine();
    const onStage = ({ stage }: LoginStage): number => stages.push(stage);
    const proof = await (await later.client.login.begin({ name: '@Ann', password: PASSWORD }, { onStage })).finish();
    expect(await proof.vault()).toBe('needs-recovery-code');
    expect(await codeOf(proof.enrol('not a code'))).toBe('recovery_code_mistyped');
    expect(await codeOf(proof.enrol())).toBe('recovery_refused');
    const enrolled = await proof.enrol(recoveryCode.toLowerCase());
    expect(enrolled.account).toBe('ann');
    expect(stages).toEqual(['asking', 'computing', 'proving', 'enrolling']);
    expect(await later.client.account.devices()).toHaveLength(2);
    expect(await later.say('@bob', 'from here')).toBe(2);
    expect(await bob.texts('@ann')).toEqual(['hello', 'from here']);
    // What was proved is spent.
    expect(await codeOf(proof.enrol(recoveryCode))).toBe('device_exists');
    expect(await codeOf((await machine()).client.login.begin({ name: 'ann', password: 'wrong horse' }))).toBe(
      'password_wrong',
    );
    expect(await codeOf((await machine()).client.login.begin({ name: 'nobody', password: PASSWORD }))).toBe(
      'password_wrong',
    );
  });

  it('needs the password alone where that was wished; asks for a code of the phone where there is one', async () => {
    const { person: eve } = await signedUp('eve', true);
    const totp = await eve.client.factors.newTotp();
    expect(totp.uri).toMatch(/^otpauth:\/\/totp\/Parley:eve\?secret=[A-Z2-7]{32}&issuer=Parley&/);
    expect(await codeOf(eve.client.factors.enableTotp(totp, '12345'))).toBe('totp_wrong');
    const now = totpStepAt(node.stampMs);
    await eve.client.factors.enableTotp(totp, totpCode(totp.secret, now - 1));
    expect(await eve.client.factors.status()).toMatchObject({ totp: true, vault: 1, password: { renew: false } });
    const later = await machine();
    const attempt = await later.client.login.begin({ name: 'eve', password: PASSWORD });
    expect(await codeOf(attempt.finish())).toBe('totp_required');
    const code = totpCode(totp.secret, now);
    const proof = await attempt.finish(`${code.slice(0, 3)} ${code.slice(3)}`);
    expect(await proof.vault()).toBe('opens');
    await proof.enrol();
    expect((await later.client.whoAmI()).account).toBe('eve');
    // The very code again, on the last free attempt.
    const again = await (await machine()).client.login.begin({ name: 'eve', password: PASSWORD });
    expect(await codeOf(again.finish(code))).toBe('totp_wrong');
    expect(await codeOf(again.finish(totpCode(totp.secret, now + 1)))).toBe('challenge_replayed');
  });

  it('changes nothing on a machine that has an account', async () => {
    const { person } = await signedUp('fay');
    const before = await person.client.whoAmI();
    const { recoveryCode } = await signedUp('gus');
    expect(await codeOf(person.client.login.recover({ name: 'gus', recoveryCode }))).toBe('device_exists');
    expect(await person.client.whoAmI()).toEqual(before);
  });

  it('goes on after the answer to enrolling got lost together with the program', async () => {
    const { recoveryCode } = await signedUp('hal', true);
    const first = await machine();
    first.network.interpose((request) =>
      request.path === '/v1/devices' ? request.deliver().then(() => answerOf({ code: 'internal' }, 500)) : undefined,
    );
    expect(await codeOf(first.client.login.recover({ name: 'hal', recoveryCode }))).toBe('internal');
    const later = await TestClient.open({ endpoints, store: first.store });
    await later.client.login.recover({ name: 'hal', recoveryCode });
    expect(await later.client.account.devices()).toHaveLength(2);
  });
});

describe('a forgotten password', () => {
  it('is replaced by who has the recovery code, past the phone; a new code ends the old one', async () => {
    const { person: ida, recoveryCode } = await signedUp('ida');
    const totp = await ida.client.factors.newTotp();
    await ida.client.factors.enableTotp(totp, totpCode(totp.secret, totpStepAt(node.stampMs)));
    const later = await machine();
    await later.client.login.recover({ name: 'ida', recoveryCode });
    await later.client.factors.setPassword('another one altogether', true);
    await later.client.factors.disableTotp();
    const renewed = await later.client.vault.newRecoveryCode();
    const third = await machine();
    expect(await codeOf(third.client.login.recover({ name: 'ida', recoveryCode }))).toBe('recovery_refused');
    const proof = await (await third.client.login.begin({ name: 'ida', password: 'another one altogether' })).finish();
    expect(await proof.vault()).toBe('opens');
    await proof.enrol();
    const fourth = await machine();
    await fourth.client.login.recover({ name: 'ida', recoveryCode: renewed });
    expect(await codeOf((await machine()).client.login.recover({ name: 'nobody', recoveryCode }))).toBe(
      'recovery_refused',
    );
  });
});

describe('keys of the nodes', () => {
  it('may be renewed: who logs in next registers with the new ones, and the old ones serve till then', async () => {
    await signedUp('jan', true);
    const admin = { authorization: 'Bearer admin' };
    const answer = await fetch(`${server.url}/v1/admin/login-setups`, {
      method: 'POST',
      headers: { ...admin, 'content-type': 'application/json' },
      body: JSON.stringify({ txnId: (await machine()).newTxnId() }),
    });
    expect(await answer.json()).toEqual({ version: 2 });
    const later = await machine();
    await (await (await later.client.login.begin({ name: 'jan', password: PASSWORD })).finish()).enrol();
    expect((await later.client.factors.status()).password).toMatchObject({ renew: false });
    const last = await machine();
    expect(await (await (await last.client.login.begin({ name: 'jan', password: PASSWORD })).finish()).vault()).toBe(
      'opens',
    );
  });
});

describe('who cannot be trusted', () => {
  it('a node that shows an older vault than the device has seen, or none', async () => {
    const { person: kim } = await signedUp('kim');
    let old: unknown = null;
    const heal = kim.network.interpose((request) =>
      request.path.startsWith('/v1/vault') && request.method === 'GET'
        ? request.deliver().then(async (answer) => {
            old ??= await answer.clone().json();
            return answerOf(old);
          })
        : undefined,
    );
    await kim.client.vault.recoveryCode();
    heal();
    await kim.client.vault.newRecoveryCode();
    kim.network.interpose((request) =>
      request.path.startsWith('/v1/vault') && request.method === 'GET' ? Promise.resolve(answerOf(old)) : undefined,
    );
    expect(await refusal(kim.client.vault.recoveryCode())).toMatchObject({
      code: 'vault_downgraded',
      data: { version: 1, seen: 2 },
    });
    kim.network.interpose((request) =>
      request.path.startsWith('/v1/vault') ? Promise.resolve(answerOf({ code: 'no_vault' }, 404)) : undefined,
    );
    expect(await codeOf(kim.client.vault.newRecoveryCode())).toBe('vault_downgraded');
  });

  it('a guesser: a few attempts are free, then each waits, and is told for how long', async () => {
    await signedUp('lea');
    const guesser = await machine();
    const guess = (patienceMs: number) =>
      guesser.client.login.begin({ name: 'lea', password: 'a guess' }, { patienceMs });
    for (let i = 0; i < 5; i++) expect(await codeOf(guess(0))).toBe('password_wrong');
    expect(await refusal(guess(0))).toMatchObject({
      code: 'login_delayed',
      data: { retryAfterMs: expect.any(Number) },
    });
    node.advance(1_000);
    expect(await codeOf(guess(0))).toBe('password_wrong');
    expect(await codeOf(guess(0))).toBe('login_delayed');
  });
});
