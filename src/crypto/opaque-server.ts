import { ParleyError } from '../protocol/errors.ts';
import { fromBase64Url, toBase64Url } from '../protocol/base64url.ts';
import type { server as OpaqueServer } from '@serenity-kit/opaque';

/**
 * The nodes' half of OPAQUE (RFC 9807: OPRF over ristretto255 with SHA-512, 3DH, HKDF, HMAC): no password and nothing
 * that is worth guessing over ever reaches them in the clear. The library is WebAssembly and draws its own randomness.
 */

/** Both sides authenticate who they are to each other. */
export interface OpaqueIdentifiers {
  /** The account's name: also what blinds the password differently for each account. */
  readonly client: string;
  /** The cluster. */
  readonly server: string;
}

export interface OpaqueNode {
  /** Fresh keys for the nodes, 128 bytes: OPRF seed, key pair, and a key pair for accounts that do not exist. */
  createSetup(): Uint8Array;
  /** @throws ParleyError `invalid_field` for what no client sends */
  answerRegistration(setup: Uint8Array, name: string, request: Uint8Array): Uint8Array;
  /**
   * @param record null where there is no such account, or it has no password: the answer cannot be told from a real one
   * @returns `state`: what `finish` needs, secret
   * @throws ParleyError `invalid_field`
   */
  start(
    setup: Uint8Array,
    record: Uint8Array | null,
    identifiers: OpaqueIdentifiers,
    request: Uint8Array,
  ): { readonly response: Uint8Array; readonly state: Uint8Array };
  /** @returns the session key that both sides have, null for a wrong password */
  finish(state: Uint8Array, identifiers: OpaqueIdentifiers, finish: Uint8Array): Uint8Array | null;
}

let loading: Promise<OpaqueNode> | null = null;

/** Compiled when it is needed first. */
export function loadOpaqueNode(): Promise<OpaqueNode> {
  loading ??= load();
  return loading;
}

async function load(): Promise<OpaqueNode> {
  const { ready, server } = await import('@serenity-kit/opaque');
  await ready;
  return nodeOver(server);
}

function nodeOver(server: typeof OpaqueServer): OpaqueNode {
  return {
    createSetup: () => fromBase64Url(server.createSetup()),
    answerRegistration: (setup, name, request) =>
      wellFormed(() => {
        const { registrationResponse } = server.createRegistrationResponse({
          serverSetup: toBase64Url(setup),
          userIdentifier: name,
          registrationRequest: toBase64Url(request),
        });
        return fromBase64Url(registrationResponse);
      }),
    start: (setup, record, identifiers, request) =>
      wellFormed(() => {
        const { loginResponse, serverLoginState } = server.startLogin({
          serverSetup: toBase64Url(setup),
          userIdentifier: identifiers.client,
          registrationRecord: record === null ? null : toBase64Url(record),
          startLoginRequest: toBase64Url(request),
          identifiers,
        });
        return { response: fromBase64Url(loginResponse), state: fromBase64Url(serverLoginState) };
      }),
    finish: (state, identifiers, finish) => {
      try {
        const { sessionKey } = server.finishLogin({
          serverLoginState: toBase64Url(state),
          finishLoginRequest: toBase64Url(finish),
          identifiers,
        });
        return fromBase64Url(sessionKey);
      } catch {
        return null;
      }
    },
  };
}

/** The library throws for points and scalars that are none. */
function wellFormed<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new ParleyError('invalid_field', 'request: no client sends this.', { cause, data: { field: 'request' } });
  }
}
