import { beforeAll, describe, expect, it } from 'vitest';
import { loadOpaqueNode } from './opaque-server.ts';
import { loadOpaquePerson } from './opaque-client.ts';
import { LOGIN_LIMITS } from '../protocol/login-limits.ts';
import type { OpaqueNode } from './opaque-server.ts';
import type { OpaquePerson } from './opaque-client.ts';

const ids = { client: 'ann', server: 'cluster' };
const PASSWORD = 'correct horse';

let node: OpaqueNode;
let person: OpaquePerson;
let setup: Uint8Array;
let registered: { readonly record: Uint8Array; readonly exportKey: Uint8Array };
beforeAll(async () => {
  node = await loadOpaqueNode();
  person = await loadOpaquePerson();
  setup = node.createSetup();
  registered = register(PASSWORD);
});

function register(password: string): { readonly record: Uint8Array; readonly exportKey: Uint8Array } {
  const start = person.startRegistration(password);
  return person.finishRegistration(start, password, ids, node.answerRegistration(setup, ids.client, start.request));
}

function logIn(
  password: string,
  {
    record = registered.record,
    who = ids,
    keys = setup,
  }: { record?: Uint8Array | null; who?: typeof ids; keys?: Uint8Array } = {},
) {
  const start = person.startLogin(password);
  const { response, state } = node.start(keys, record, who, start.request);
  return { response, state, done: person.finishLogin(start, password, ids, response) };
}

describe('OPAQUE', () => {
  it('gives both sides one session key, and the client the same export key each time', () => {
    const { state, done } = logIn(PASSWORD);
    expect(done!.exportKey).toEqual(registered.exportKey);
    expect(node.finish(state, ids, done!.finish)).toEqual(done!.sessionKey);
    expect(registered.record.length).toBe(LOGIN_LIMITS.passwordRecordBytes);
    expect(setup.length).toBe(128);
  });

  it('gives nothing for a wrong password, another name, another cluster, or other keys of nodes', () => {
    expect(logIn('wrong horse').done).toBeNull();
    expect(logIn(PASSWORD, { who: { ...ids, client: 'bob' } }).done).toBeNull();
    expect(logIn(PASSWORD, { who: { ...ids, server: 'other' } }).done).toBeNull();
    expect(logIn(PASSWORD, { keys: node.createSetup() }).done).toBeNull();
  });

  it('answers for names that nobody has as for all others', () => {
    const [real, again, fake] = [logIn(PASSWORD), logIn(PASSWORD), logIn(PASSWORD, { record: null })];
    expect(fake.done).toBeNull();
    expect([fake.response.length, fake.state.length]).toEqual([real.response.length, real.state.length]);
    // What of an answer stays the same from one to the next is the evaluated element alone, blinded by the client.
    const same = (a: Uint8Array, b: Uint8Array): number => a.filter((byte, i) => byte === b[i]).length;
    expect(same(real.response, again.response)).toBeLessThan(16);
    expect(same(real.response, fake.response)).toBeLessThan(16);
  });

  it('is of no use with an altered registration: any flipped byte', () => {
    for (let i = 0; i < registered.record.length; i += 31) {
      const record = Uint8Array.from(registered.record);
      record[i]! ^= 1;
      try {
        expect(logIn(PASSWORD, { record }).done).toBeNull();
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid_field' });
      }
    }
  });

  it('does not take a finish of another start', () => {
    const [one, two] = [logIn(PASSWORD), logIn(PASSWORD)];
    expect(node.finish(one.state, ids, two.done!.finish)).toBeNull();
    expect(node.finish(one.state, ids, new Uint8Array(64))).toBeNull();
  });

  it('refuses requests that no client makes', () => {
    for (const request of [new Uint8Array(96).fill(255), new Uint8Array(3)]) {
      expect(() => node.start(setup, null, ids, request)).toThrow(/request/);
      expect(() => node.answerRegistration(setup, 'ann', request)).toThrow(/request/);
    }
  });
});
