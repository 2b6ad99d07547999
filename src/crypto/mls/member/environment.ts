import { MlsError } from '../error.ts';
import type { RandomBytes } from '../../random.ts';
import type { PreSharedKeyId } from '../psk.ts';
import type { ValidationContext } from '../validation-context.ts';
import type { MemberSuite } from './primitives.ts';
import type { PreSharedKey } from './psk-secret.ts';

/** Everything a member's computation needs from outside. */
export interface MemberEnvironment {
  readonly suite: MemberSuite;
  readonly random: RandomBytes;
  /** Of the entry that is processed, or of now when something is made. Its `suite` is that of the member. */
  readonly validation: ValidationContext;
  /** Null for a key that this client does not have. */
  readonly findPsk: (id: PreSharedKeyId) => Uint8Array | null;
}

/** RFC 9420 section 12.4.2. @throws MlsError (`unknown_psk`) */
export function resolvePsks({ findPsk }: MemberEnvironment, ids: readonly PreSharedKeyId[]): PreSharedKey[] {
  return ids.map((id) => {
    const secret = findPsk(id);
    if (secret === null) throw new MlsError('unknown_psk', 'A pre-shared key is not known here.');
    return { id, secret };
  });
}
