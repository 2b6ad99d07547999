import { MlsError } from './error.ts';
import type { AppliedCommit } from './applied-commit.ts';
import type { PublicSuite } from './cipher-suite.ts';
import type { Credential } from './credential.ts';
import type { LeafNode } from './leaf-node.ts';

/** The versions of the rules that this engine knows; raised for everybody at once, by the log. */
export const RULES_VERSIONS: readonly number[] = [1];

/**
 * What the application decides. Members, the observer and joiners must be given the same answers for the same entry:
 * functions of the replicated state, never of a clock or of anything local.
 */
export interface ApplicationRules {
  /** The Authentication Service (RFC 9420 section 5.3.1): whether this key speaks for this identity. */
  authenticate(claim: { readonly credential: Credential; readonly signatureKey: Uint8Array }): boolean;
  /** Section 5.3.1: whether the client of `before` may go on as `after`. */
  mayReplace(before: LeafNode, after: LeafNode): boolean;
  /** Section 7.2: the longest acceptable lifetime of a key package, in seconds. */
  readonly lifetimeSecondsMax: bigint;
  /** Whether a key package with this reference was verified when it was published: its signatures are not again. */
  isVerifiedKeyPackage?(ref: Uint8Array): boolean;
  /** Rules about whole commits, such as roles. @throws MlsError (`forbidden`) */
  checkCommit?(commit: AppliedCommit): void;
}

export interface ValidationContext {
  readonly suite: PublicSuite;
  /** The leader's stamp of the entry, Unix seconds; null where lifetimes are not looked at. */
  readonly nowSeconds: bigint | null;
  /** One of `RULES_VERSIONS`. */
  readonly rules: number;
  readonly application: ApplicationRules;
}

/** Believes every credential: for groups whose members are known by their keys alone. */
export const ANY_APPLICATION: ApplicationRules = {
  authenticate: () => true,
  mayReplace: () => true,
  lifetimeSecondsMax: 2n ** 64n - 1n,
};

export function assertKnownRules(rules: number): void {
  if (!RULES_VERSIONS.includes(rules)) throw new MlsError('bad_state', `Rules version ${rules} is not known here.`);
}
