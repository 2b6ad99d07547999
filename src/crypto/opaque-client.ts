import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import type { client as OpaqueClient } from '@serenity-kit/opaque';
import type { OpaqueIdentifiers } from './opaque-server.ts';

/**
 * How a password becomes a key on the client: Argon2id with the second recommended parameters of RFC 9106 section 4
 * (64 MiB, three passes, four lanes), about a third of a second. Those that OPAQUE's RFC recommends take 2 GiB, which
 * phones and browsers do not have. Part of every registration: to change them is to register anew.
 */
const KEY_STRETCHING = { 'argon2id-custom': { memory: 65_536, iterations: 3, parallelism: 4 } };

export interface OpaqueStart {
  /** Secret; stays here. */
  readonly state: string;
  readonly request: Uint8Array;
}

/** The client's half of OPAQUE; see `opaque-server.ts`. */
export interface OpaquePerson {
  startRegistration(password: string): OpaqueStart;
  /** @returns `exportKey`: 64 bytes that only this password gives. @throws Error for what no node answers */
  finishRegistration(
    start: OpaqueStart,
    password: string,
    identifiers: OpaqueIdentifiers,
    response: Uint8Array,
  ): { readonly record: Uint8Array; readonly exportKey: Uint8Array };
  startLogin(password: string): OpaqueStart;
  /** @returns null for a wrong password, or nodes that do not know this account. @throws Error as above */
  finishLogin(
    start: OpaqueStart,
    password: string,
    identifiers: OpaqueIdentifiers,
    response: Uint8Array,
  ): { readonly finish: Uint8Array; readonly sessionKey: Uint8Array; readonly exportKey: Uint8Array } | null;
}

/** The same where it may be computed elsewhere, beside what people see. */
export type OpaqueAway = {
  readonly [Method in keyof OpaquePerson]: (
    ...args: Parameters<OpaquePerson[Method]>
  ) => ReturnType<OpaquePerson[Method]> | Promise<ReturnType<OpaquePerson[Method]>>;
};

let loading: Promise<OpaquePerson> | null = null;

/** Compiled when it is needed first: most of what a client does needs no password. */
export function loadOpaquePerson(): Promise<OpaquePerson> {
  loading ??= load();
  return loading;
}

async function load(): Promise<OpaquePerson> {
  const { ready, client } = await import('@serenity-kit/opaque');
  await ready;
  return personOver(client);
}

function personOver(client: typeof OpaqueClient): OpaquePerson {
  return {
    startRegistration: (password) => {
      const { clientRegistrationState, registrationRequest } = client.startRegistration({ password });
      return { state: clientRegistrationState, request: fromBase64Url(registrationRequest) };
    },
    finishRegistration: ({ state }, password, identifiers, response) => {
      const { registrationRecord, exportKey } = client.finishRegistration({
        clientRegistrationState: state,
        registrationResponse: toBase64Url(response),
        password,
        identifiers,
        keyStretching: KEY_STRETCHING,
      });
      return { record: fromBase64Url(registrationRecord), exportKey: fromBase64Url(exportKey) };
    },
    startLogin: (password) => {
      const { clientLoginState, startLoginRequest } = client.startLogin({ password });
      return { state: clientLoginState, request: fromBase64Url(startLoginRequest) };
    },
    finishLogin: ({ state }, password, identifiers, response) => {
      const done = client.finishLogin({
        clientLoginState: state,
        loginResponse: toBase64Url(response),
        password,
        identifiers,
        keyStretching: KEY_STRETCHING,
      });
      if (done === undefined) return null;
      const { finishLoginRequest, sessionKey, exportKey } = done;
      return {
        finish: fromBase64Url(finishLoginRequest),
        sessionKey: fromBase64Url(sessionKey),
        exportKey: fromBase64Url(exportKey),
      };
    },
  };
}
