import { applyProposalList, isPathRequired } from '../proposal-list.ts';
import { validateCommit } from '../commit-validation.ts';
import { confirmedTranscriptHash } from '../transcript-hash.ts';
import { treeHash } from '../tree-hash.ts';
import { createLeafNode } from './client-identity.ts';
import { resolvePsks } from './environment.ts';
import { newEpoch } from './epoch-state.ts';
import { confirmationTag, epochSecrets, joinerSecret } from './key-schedule.ts';
import { signFramedContent } from './message-protection.ts';
import { pskSecret } from './psk-secret.ts';
import { createPath, encryptPath, withPathKeys } from './tree-kem.ts';
import { HASH_BYTES } from '../../hkdf.ts';
import type { AppliedCommit, AppliedProposals } from '../applied-commit.ts';
import type { AuthenticatedContent, HandshakeWireFormat } from '../authenticated-content.ts';
import type { ProposalOrRef } from '../commit.ts';
import type { FramedContent, Sender } from '../framed-content.ts';
import type { GroupContext } from '../group-context.ts';
import type { PublicGroup, SourcedProposal } from '../public-group.ts';
import type { UpdatePath } from '../update-path.ts';
import type { ClientIdentity } from './client-identity.ts';
import type { MemberEnvironment } from './environment.ts';
import type { NewEpoch } from './epoch-state.ts';
import type { JoinerInput } from './key-schedule.ts';
import type { FreshPath, PrivateKeys } from './tree-kem.ts';

export interface CommitInput {
  readonly group: PublicGroup;
  readonly identity: ClientIdentity;
  readonly sender: Extract<Sender, { type: 'member' | 'new_member_commit' }>;
  /** What `proposals` stand for, in the same order. */
  readonly sourced: readonly SourcedProposal[];
  readonly proposals: readonly ProposalOrRef[];
  /** Whether to renew the committer's keys where the RFC does not require it. */
  readonly alwaysPath: boolean;
  readonly authenticatedData: Uint8Array;
  readonly wireFormat: HandshakeWireFormat;
  /** Of the old epoch, or the external one. */
  readonly initSecret: Uint8Array;
  readonly privateKeys: PrivateKeys;
}

export interface BuiltCommit {
  readonly message: AuthenticatedContent;
  readonly applied: AppliedCommit;
  readonly next: NewEpoch;
  readonly joiner: JoinerInput;
  readonly path: FreshPath | null;
}

const NO_COMMIT_SECRET = new Uint8Array(HASH_BYTES);

/**
 * Creating a commit (RFC 9420 section 12.4.1). The result has been through the same validation as every receiver's:
 * a commit that others would refuse is refused here, before it leaves.
 * @throws MlsError
 */
export function buildCommit(input: CommitInput, environment: MemberEnvironment): BuiltCommit {
  const { suite, validation } = environment;
  const { group, identity, wireFormat } = input;
  const applied = applyProposalList(group, input.sourced, input.sender, validation);
  const committer = input.sender.type === 'member' ? input.sender.leafIndex : applied.tree.takeBlankLeaf();
  const isWithPath = input.alwaysPath || isPathRequired(input.sourced);
  const path = isWithPath ? buildPath({ ...input, committer, applied }, environment) : null;
  const { groupId, epoch } = group.context;
  const content: FramedContent = {
    groupId,
    epoch,
    sender: input.sender,
    authenticatedData: input.authenticatedData,
    content: { type: 'commit', commit: { proposals: input.proposals, path: path?.update ?? null } },
  };
  const framed = { wireFormat, content, context: group.context };
  const signature = signFramedContent(suite, identity.signingKey.secretKey, framed);
  const confirmed = { wireFormat, content, auth: { signature } };
  const context: GroupContext = {
    ...nextContext(group, applied, treeHash(suite, applied.tree)),
    confirmedTranscriptHash: confirmedTranscriptHash(suite, group.interimTranscriptHash, confirmed),
  };
  const commitSecret = path?.fresh.commitSecret ?? NO_COMMIT_SECRET;
  const joiner = {
    joinerSecret: joinerSecret(suite, { initSecret: input.initSecret, commitSecret }, context),
    pskSecret: pskSecret(suite, resolvePsks(environment, applied.psks)),
  };
  const secrets = epochSecrets(suite, joiner, context);
  const tag = confirmationTag(suite, secrets, context.confirmedTranscriptHash);
  const message: AuthenticatedContent = { wireFormat, content, auth: { signature, confirmationTag: tag } };
  const result = validateCommit(group, message, validation);
  const leafKeys = path === null ? [] : [[committer * 2, path.fresh.leafKeyPair] as const];
  const ownKeys = new Map([...input.privateKeys, ...leafKeys]);
  const privateKeys = withPathKeys(ownKeys, result.group.after.tree, path?.fresh.secrets ?? []);
  const next = newEpoch({ group: result.group.after, identity, ownLeaf: committer, privateKeys }, secrets);
  return { message, applied: result, next, joiner, path: path?.fresh ?? null };
}

interface PathInput extends CommitInput {
  readonly committer: number;
  readonly applied: AppliedProposals;
}

/** Renews the committer's direct path in `applied.tree`, and tells the others. */
function buildPath(
  { group, identity, committer, applied }: PathInput,
  { suite, random }: MemberEnvironment,
): { readonly fresh: FreshPath; readonly update: UpdatePath } {
  const { tree } = applied;
  const fresh = createPath(suite, tree, committer, random);
  const { groupId } = group.context;
  const leafNode = createLeafNode(
    suite,
    identity,
    { encryptionKey: fresh.leafKeyPair.publicKey, source: { type: 'commit', parentHash: fresh.parentHash } },
    { groupId, leafIndex: committer },
  );
  tree.setLeaf(committer, leafNode);
  const provisionalContext = nextContext(group, applied, treeHash(suite, tree));
  const added = applied.added.map(({ leafIndex }) => leafIndex);
  const nodes = encryptPath(suite, fresh, { tree, committer, added, provisionalContext }, random);
  return { fresh, update: { leafNode, nodes } };
}

/** The provisional GroupContext (section 12.4.1). */
function nextContext({ context }: PublicGroup, { extensions }: AppliedProposals, hash: Uint8Array): GroupContext {
  return { ...context, epoch: context.epoch + 1n, treeHash: hash, extensions };
}
