import { createHash } from 'node:crypto';
import { identityOf, type NodeIdentity } from '../node/identity/node-identity.ts';

/** The same keys for the same name, whichever process asks. */
export function testIdentity(name: string): NodeIdentity {
  const secret = (purpose: string): Uint8Array =>
    new Uint8Array(createHash('sha256').update(`test ${purpose} ${name}`).digest());
  return identityOf({ agreement: secret('agreement'), signing: secret('signing') });
}
