import { equalBytes } from '../../bytes.ts';
import { HASH_BYTES } from '../../hkdf.ts';
import { validateCommit } from '../commit-validation.ts';
import { verify, MlsError } from '../error.ts';
import { nodeOfLeaf } from '../tree-math.ts';
import { resolvePsks } from './environment.ts';
import { newEpoch } from './epoch-state.ts';
import { confirmationTag, epochSecrets, externalKeyPair, joinerSecret } from './key-schedule.ts';
import { openExternalInit } from './labelled-crypto.ts';
import { pskSecret } from './psk-secret.ts';
import { decryptPath, withPathKeys } from './tree-kem.ts';
import type { AppliedCommit } from '../applied-commit.ts';
import type { AuthenticatedContent } from '../authenticated-content.ts';
import type { MemberEnvironment } from './environment.ts';
import type { EpochState, NewEpoch } from './epoch-state.ts';
import type { DerivedPath, PrivateKeys } from './tree-kem.ts';

export interface ProcessedCommit {
  readonly applied: AppliedCommit;
  /** Null when the commit removed this member. */
  readonly next: NewEpoch | null;
}

const NO_PATH: DerivedPath = { secrets: [], commitSecret: new Uint8Array(HASH_BYTES) };

/**
 * Processing a commit of another member (RFC 9420 section 12.4.2).
 * @param message whose membership tag or encryption was checked
 * @throws MlsError; then nothing has changed
 */
export function processCommit(
  state: EpochState,
  message: AuthenticatedContent,
  environment: MemberEnvironment,
): ProcessedCommit {
  const { suite, validation } = environment;
  const applied = validateCommit(state.group, message, validation);
  if (applied.removed.includes(state.ownLeaf)) return { applied, next: null };
  const { ownLeaf } = state;
  const { after } = applied.group;
  const before = withPathKeys(withOwnUpdate(state, applied), after.tree, []);
  const path = applied.path === null ? NO_PATH : openPath(applied, { ownLeaf, privateKeys: before }, environment);
  const initSecret =
    applied.externalInit === null
      ? state.secrets.initSecret
      : openExternalInit(suite, externalKeyPair(suite, state.secrets), applied.externalInit);
  const psk = pskSecret(suite, resolvePsks(environment, applied.psks));
  const joiner = joinerSecret(suite, { initSecret, commitSecret: path.commitSecret }, after.context);
  const secrets = epochSecrets(suite, { joinerSecret: joiner, pskSecret: psk }, after.context);
  const tag = confirmationTag(suite, secrets, after.context.confirmedTranscriptHash);
  verify(equalBytes(tag, after.confirmationTag), 'bad_confirmation_tag', 'The confirmation tag is not valid.');
  const privateKeys = withPathKeys(before, after.tree, path.secrets);
  return { applied, next: newEpoch({ group: after, identity: state.identity, ownLeaf, privateKeys }, secrets) };
}

function openPath(
  applied: AppliedCommit,
  own: { readonly ownLeaf: number; readonly privateKeys: PrivateKeys },
  { suite }: MemberEnvironment,
): DerivedPath {
  const receivers = {
    tree: applied.group.after.tree,
    committer: applied.committer,
    added: applied.added.map(({ leafIndex }) => leafIndex),
    provisionalContext: applied.provisionalContext,
  };
  return decryptPath(suite, applied.path!, receivers, { leafIndex: own.ownLeaf, privateKeys: own.privateKeys });
}

/** Where the commit covers an own Update proposal, its key takes the leaf's place. */
function withOwnUpdate({ ownLeaf, privateKeys, pendingUpdates }: EpochState, applied: AppliedCommit): PrivateKeys {
  if (!applied.updated.includes(ownLeaf)) return privateKeys;
  const { encryptionKey } = applied.group.after.tree.leafAt(ownLeaf)!;
  const keyPair = pendingUpdates.find(({ publicKey }) => equalBytes(publicKey, encryptionKey));
  if (keyPair === undefined) throw new MlsError('restored_state', 'The commit has an own update that is not known.');
  return new Map(privateKeys).set(nodeOfLeaf(ownLeaf), keyPair);
}
