/** What computes with passwords (OPAQUE): programs run it where it suits them, and hand it to the engine. */
export { loadOpaquePerson } from '../crypto/opaque-client.ts';
export type { OpaqueAway, OpaquePerson } from '../crypto/opaque-client.ts';
