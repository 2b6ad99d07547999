import type { GroupContext } from './group-context.ts';
import type { KeyPackage } from './key-package.ts';
import type { Extension } from './extension.ts';
import type { Proposal, ReInit } from './proposal.ts';
import type { PreSharedKeyId } from './psk.ts';
import type { PublicGroup, SourcedProposal } from './public-group.ts';
import type { RatchetTree } from './ratchet-tree.ts';
import type { UpdatePath } from './update-path.ts';

export interface AddedMember {
  readonly leafIndex: number;
  readonly keyPackage: KeyPackage;
}

/** What a valid list of proposals does to a group, before any path (RFC 9420 section 12.3). */
export interface AppliedProposals {
  readonly tree: RatchetTree;
  readonly extensions: readonly Extension[];
  readonly added: readonly AddedMember[];
  /** Leaf indices before the commit. */
  readonly updated: readonly number[];
  readonly removed: readonly number[];
  readonly psks: readonly PreSharedKeyId[];
  /** The `kem_output` of an external commit. */
  readonly externalInit: Uint8Array | null;
  readonly reinit: ReInit | null;
}

/** What a commit that passed the public checks says and does. */
export interface AppliedCommit extends Omit<AppliedProposals, 'tree' | 'extensions'> {
  readonly group: { readonly before: PublicGroup; readonly after: PublicGroup };
  /** The new context with the old transcript hash: what path secrets are encrypted with (section 12.4.1). */
  readonly provisionalContext: GroupContext;
  /** Where the committer is after the commit. */
  readonly committer: number;
  readonly isExternal: boolean;
  readonly proposals: readonly SourcedProposal[];
  readonly path: UpdatePath | null;
}

/** Those of one type. */
export function ofType<T extends Proposal['type']>(
  proposals: readonly SourcedProposal[],
  type: T,
): (SourcedProposal & { readonly proposal: Extract<Proposal, { type: T }> })[] {
  return proposals.filter(
    (sourced): sourced is SourcedProposal & { readonly proposal: Extract<Proposal, { type: T }> } =>
      sourced.proposal.type === type,
  );
}
