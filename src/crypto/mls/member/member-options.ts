import type { RandomBytes } from '../../random.ts';
import type { PreSharedKeyId } from '../psk.ts';
import type { ApplicationRules } from '../validation-context.ts';
import type { MemberSuite } from './primitives.ts';

/** What a member is made with; the same after every restart. */
export interface MemberOptions {
  readonly suite: MemberSuite;
  readonly random: RandomBytes;
  readonly application: ApplicationRules;
  /** External pre-shared keys, and resumption keys of other groups. */
  readonly findPsk?: (id: PreSharedKeyId) => Uint8Array | null;
  /** How many epochs back messages are still read; 0 by default. */
  readonly pastEpochsMax?: number;
}

/** When and by which rules something is made or read: from the log, for everybody the same. */
export interface Stamp {
  /** Unix seconds; null where lifetimes are not looked at. */
  readonly nowSeconds: bigint | null;
  /** One of `RULES_VERSIONS`. */
  readonly rules: number;
}

/** Resumption keys of this many past epochs are kept (RFC 9420 section 8.6). */
export const RESUMPTION_EPOCHS_MAX = 32;
