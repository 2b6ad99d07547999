import { bytesToHex } from '@noble/hashes/utils.js';
import { equalBytes } from '../../bytes.ts';
import { validateCommit } from '../commit-validation.ts';
import { MlsError, verify } from '../error.ts';
import { EXTENSION_TYPES } from '../extension.ts';
import { writeGroupContext } from '../group-context.ts';
import { hasValidGroupInfoSignature } from '../group-info.ts';
import { keyPackageRef } from '../key-package.ts';
import { contentOfPublicMessage } from '../public-message.ts';
import { validateRoomProfile } from '../room-profile.ts';
import { encode } from '../tls-writer.ts';
import type { AppliedCommit } from '../applied-commit.ts';
import type { GroupInfo } from '../group-info.ts';
import type { MlsMessage } from '../mls-message.ts';
import type { PublicGroup } from '../public-group.ts';
import type { ValidationContext } from '../validation-context.ts';
import type { Welcome } from '../welcome.ts';

/** What one log entry carries: a commit, its welcomes, and the group info of the epoch that it begins. */
export interface CommitBundle {
  readonly commit: MlsMessage;
  readonly welcome: Welcome | null;
  readonly groupInfo: GroupInfo;
}

/**
 * Follows a room's group by its public messages, without any secret: the same validation as the members', the room's
 * profile, and what comes with the commit. It cannot check membership and confirmation tags, path ciphertexts, what
 * welcomes contain, or the external key: a commit that lies there passes here and fails at the members.
 * @returns what the commit does; `group.after` is the new state
 * @throws MlsError; then nothing has changed
 */
export function observeCommit(group: PublicGroup, bundle: CommitBundle, context: ValidationContext): AppliedCommit {
  if (bundle.commit.format !== 'public_message') {
    throw new MlsError('forbidden', 'Handshakes of rooms are public messages.');
  }
  const message = contentOfPublicMessage(bundle.commit.message);
  validateRoomProfile(message);
  const applied = validateCommit(group, message, context);
  validateGroupInfo(bundle.groupInfo, applied, context);
  validateWelcome(bundle.welcome, applied, context);
  return applied;
}

/** Joiners will trust it: it must be that of the new epoch, signed by the committer. */
function validateGroupInfo(info: GroupInfo, applied: AppliedCommit, { suite }: ValidationContext): void {
  const { context, tree, confirmationTag } = applied.group.after;
  const hasTree = info.extensions.some(({ type }) => type === EXTENSION_TYPES.ratchetTree);
  verify(!hasTree, 'forbidden', 'The group info of a room comes without the tree.');
  const isSame = equalBytes(encode(writeGroupContext, info.groupContext), encode(writeGroupContext, context));
  verify(isSame, 'bad_group_info', 'The group info is not that of the new epoch.');
  const isConfirmed = equalBytes(info.confirmationTag, confirmationTag);
  verify(isConfirmed, 'bad_group_info', 'The group info has another confirmation tag than the commit.');
  verify(info.signer === applied.committer, 'bad_group_info', 'The group info is not signed by the committer.');
  const { signatureKey } = tree.leafAt(applied.committer)!;
  const isSigned = hasValidGroupInfoSignature(suite, info, signatureKey);
  verify(isSigned, 'bad_group_info', 'The signature of the group info is not valid.');
}

/** Exactly those whom the commit adds are welcomed. */
function validateWelcome(welcome: Welcome | null, { added }: AppliedCommit, { suite }: ValidationContext): void {
  const expected = added.map(({ keyPackage }) => bytesToHex(keyPackageRef(suite, keyPackage))).toSorted();
  const welcomed = (welcome?.secrets ?? []).map(({ newMember }) => bytesToHex(newMember)).toSorted();
  const isSame = welcomed.length === expected.length && welcomed.every((ref, i) => ref === expected[i]);
  verify(isSame, 'bad_welcome', 'Others are welcomed than the commit adds.');
  const isOpenable = (welcome?.secrets ?? []).every(({ encryptedGroupSecrets }) =>
    suite.kem.isUsableEncapsulation(encryptedGroupSecrets.kemOutput),
  );
  verify(isOpenable, 'bad_welcome', 'Nobody can open the welcome.');
  const isOfSuite = welcome === null || welcome.cipherSuite === suite.id;
  verify(isOfSuite, 'bad_welcome', 'The welcome is of another cipher suite.');
}
