import { createHash, createHmac, randomBytes } from 'node:crypto';
import { nobleEd25519 } from '../../src/crypto/ed25519.ts';
import { loadOpaquePerson } from '../../src/crypto/opaque-client.ts';
import { createSessionSecret, formatGrantToken } from '../../src/crypto/tokens.ts';
import { totpCode, totpStepAt } from '../../src/crypto/totp.ts';
import { sealVault } from '../../src/crypto/vault.ts';
import { recoverySigningKey } from '../../src/crypto/vault-recovery-code.ts';
import { fromBase64Url, toBase64Url } from '../../src/protocol/base64url.ts';
import {
  factorRemovalBytes,
  loginProofBytes,
  passwordSetBytes,
  recoveryProofBytes,
  totpEnableBytes,
} from '../../src/protocol/login-statements.ts';
import { ApiPerson, call, nextTxnId } from '../../src/testing/api-person.ts';
import type { AccountName, TxnId } from '../../src/protocol/ids.ts';
import type { RouteCases } from './route-case.ts';
import type { Stage } from './stage.ts';

const PASSWORD = 'password of the contract';
const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));

interface Registered {
  readonly record: string;
  readonly setup: number;
}

const nameOf = (person: ApiPerson): AccountName => person.name as AccountName;
const identifiersOf = (person: ApiPerson) => ({ client: person.name, server: person.cluster! });
const signed = (person: ApiPerson, message: Uint8Array): string =>
  toBase64Url(nobleEd25519.sign(person.user.signing.secretKey, message));

async function registration(stage: Stage, person: ApiPerson): Promise<Registered> {
  const opaque = await loadOpaquePerson();
  const start = opaque.startRegistration(PASSWORD);
  const body = { request: toBase64Url(start.request) };
  const path = '/v1/password/start';
  const answer = await stage.needs<{ response: string; setup: number }>(person, 'POST', path, body);
  const { record } = opaque.finishRegistration(start, PASSWORD, identifiersOf(person), fromBase64Url(answer.response));
  return { record: toBase64Url(record), setup: answer.setup };
}

function passwordBody(person: ApiPerson, { record, setup }: Registered): object {
  const txnId = nextTxnId();
  const statement = passwordSetBytes({ account: person.account, txnId }, { record: fromBase64Url(record), setup });
  return { record, setup, signature: signed(person, statement), txnId };
}

/** Somebody new who has a password. */
async function withPassword(stage: Stage): Promise<ApiPerson> {
  const person = await stage.newcomer();
  await stage.needs(person, 'PUT', '/v1/password', passwordBody(person, await registration(stage, person)));
  return person;
}

function totpBody(person: ApiPerson): object {
  const [secret, txnId] = [random(20), nextTxnId()];
  const hash = new Uint8Array(createHash('sha256').update(secret).digest());
  const signature = signed(person, totpEnableBytes({ account: person.account, txnId }, hash));
  return { secret: toBase64Url(secret), code: totpCode(secret, totpStepAt(Date.now())), signature, txnId };
}

function removal(person: ApiPerson, factor: 'password' | 'totp'): string {
  const txnId = nextTxnId();
  const signature = signed(person, factorRemovalBytes({ account: person.account, txnId }, factor));
  return `/v1/${factor}?signature=${signature}&txnId=${txnId}`;
}

function vaultBody(person: ApiPerson, recoverySecret = random(32)): object {
  const vault = sealVault(person.user, 1, random(50), { recoverySecret, passwordKey: null }, random);
  const fields = Object.entries(vault).map(([name, value]) => [
    name,
    value instanceof Uint8Array ? toBase64Url(value) : value,
  ]);
  return { ...Object.fromEntries(fields), txnId: nextTxnId() };
}

async function startBody(account: string): Promise<object> {
  const { request } = (await loadOpaquePerson()).startLogin(PASSWORD);
  return { account, request: toBase64Url(request) };
}

/** What proves the password of somebody, as the last step of logging in. */
async function finishBody(stage: Stage, person: ApiPerson): Promise<object> {
  const opaque = await loadOpaquePerson();
  const start = opaque.startLogin(PASSWORD);
  const json = { account: person.name, request: toBase64Url(start.request) };
  const { body } = await call<{ response: string; state: string }>(stage.url, 'POST', '/v1/login/start', { json });
  const done = opaque.finishLogin(start, PASSWORD, identifiersOf(person), fromBase64Url(body.response))!;
  const [grantHash, txnId] = [createSessionSecret(random).hash, nextTxnId()];
  const binding = { cluster: person.cluster!, origin: stage.url, name: nameOf(person), grantHash, txnId };
  const proof = createHmac('sha256', done.sessionKey).update(loginProofBytes(binding)).digest('base64url');
  const finish = toBase64Url(done.finish);
  return { state: body.state, finish, origin: stage.url, grantHash: toBase64Url(grantHash), proof, txnId };
}

/** Somebody new, who lost all but the recovery code. */
async function recovery(stage: Stage): Promise<{ person: ApiPerson; json: object; grant: string }> {
  const [person, secret] = [await stage.newcomer(), random(32)];
  await stage.needs(person, 'PUT', '/v1/vault', vaultBody(person, secret));
  const asked = await call<{ challenge: string }>(stage.url, 'POST', '/v1/recovery/challenge', {
    json: { account: person.name },
  });
  const { challenge } = asked.body;
  const grant = createSessionSecret(random);
  const txnId: TxnId = nextTxnId();
  const binding = {
    ...{ cluster: person.cluster!, origin: stage.url, name: nameOf(person) },
    ...{ grantHash: grant.hash, txnId, challenge: fromBase64Url(challenge) },
  };
  const signature = nobleEd25519.sign(recoverySigningKey(secret).secretKey, recoveryProofBytes(binding));
  const json = {
    ...{ account: person.name, challenge, origin: stage.url },
    ...{ grantHash: toBase64Url(grant.hash), signature: toBase64Url(signature), txnId },
  };
  return { person, json, grant: formatGrantToken(grant.secret) };
}

/** Passwords, second factors, recovery codes, vaults. */
export const LOGIN_CASES: RouteCases = {
  'GET /v1/login': () => ({ path: '/v1/login' }),
  'POST /v1/password/start': async () => {
    const { request } = (await loadOpaquePerson()).startRegistration(PASSWORD);
    return { path: '/v1/password/start', json: { request: toBase64Url(request) } };
  },
  'PUT /v1/password': async (stage) => {
    const person = await stage.newcomer();
    const json = passwordBody(person, await registration(stage, person));
    return { path: '/v1/password', json, token: person.token, deniedTo: stage.bob.token };
  },
  'DELETE /v1/password': async (stage) => {
    const person = await withPassword(stage);
    return { path: removal(person, 'password'), token: person.token, deniedTo: stage.bob.token };
  },
  'PUT /v1/totp': async (stage) => {
    const person = await withPassword(stage);
    return { path: '/v1/totp', json: totpBody(person), token: person.token, deniedTo: stage.bob.token };
  },
  'DELETE /v1/totp': async (stage) => {
    const person = await withPassword(stage);
    await stage.needs(person, 'PUT', '/v1/totp', totpBody(person));
    return { path: removal(person, 'totp'), token: person.token, deniedTo: stage.bob.token };
  },
  'PUT /v1/vault': async (stage) => {
    const person = await stage.newcomer();
    return { path: '/v1/vault', json: vaultBody(person), token: person.token, deniedTo: stage.bob.token };
  },
  'GET /v1/vault': async (stage) => {
    const person = await stage.newcomer();
    await stage.needs(person, 'PUT', '/v1/vault', vaultBody(person));
    return { path: '/v1/vault', token: person.token, deniedTo: stage.bob.token };
  },
  'POST /v1/login/start': async () => ({
    path: '/v1/login/start',
    json: await startBody('nobody-at-all'),
    repeats: 'not-the-same',
  }),
  'POST /v1/login/finish': async (stage) => ({
    path: '/v1/login/finish',
    json: await finishBody(stage, await withPassword(stage)),
  }),
  'POST /v1/recovery/challenge': () => ({
    path: '/v1/recovery/challenge',
    json: { account: 'ada' },
    repeats: 'not-the-same',
  }),
  'POST /v1/recovery': async (stage) => ({ path: '/v1/recovery', json: (await recovery(stage)).json }),
  'POST /v1/devices': async (stage) => {
    const { person, json, grant } = await recovery(stage);
    await stage.needs(person, 'POST', '/v1/recovery', json);
    const device = new ApiPerson(stage.url, person.name, { user: person.user });
    const body = { record: device.deviceRecord(), txnId: nextTxnId() };
    return { path: '/v1/devices', json: body, token: grant, deniedTo: stage.bob.token };
  },
  'POST /v1/admin/login-setups': () => ({ path: '/v1/admin/login-setups', json: { txnId: nextTxnId() } }),
};
