import { HASH_BYTES } from '../../hkdf.ts';
import { generateKemKeyPair } from '../../kem.ts';
import { publicGroupOf } from '../public-group.ts';
import { RatchetTree } from '../ratchet-tree.ts';
import { treeHash } from '../tree-hash.ts';
import { createLeafNode } from './client-identity.ts';
import { confirmationTag, epochSecretsOf } from './key-schedule.ts';
import type { RandomBytes } from '../../random.ts';
import type { KemKeyPair } from '../../kem.ts';
import type { Extension } from '../extension.ts';
import type { Lifetime } from '../leaf-node.ts';
import type { PublicGroup } from '../public-group.ts';
import type { ClientIdentity } from './client-identity.ts';
import type { EpochSecrets } from './key-schedule.ts';
import type { MemberSuite } from './primitives.ts';
import type { PrivateKeys } from './tree-kem.ts';

/** What a member knows of an epoch, without its message keys. Immutable. */
export interface EpochState {
  readonly group: PublicGroup;
  readonly identity: ClientIdentity;
  readonly ownLeaf: number;
  readonly secrets: RetainedSecrets;
  readonly privateKeys: PrivateKeys;
  /** Keys of own Update proposals of this epoch, which another member may commit. */
  readonly pendingUpdates: readonly KemKeyPair[];
}

/** Without the encryption secret: the secret tree consumed it (RFC 9420 section 9.2). */
export type RetainedSecrets = Omit<EpochSecrets, 'encryptionSecret'>;

/** An epoch at its beginning. */
export interface NewEpoch {
  readonly state: EpochState;
  readonly encryptionSecret: Uint8Array;
}

export function newEpoch(state: Omit<EpochState, 'secrets' | 'pendingUpdates'>, secrets: EpochSecrets): NewEpoch {
  const { encryptionSecret, ...retained } = secrets;
  return { state: { ...state, secrets: retained, pendingUpdates: [] }, encryptionSecret };
}

/** A group of one (RFC 9420 section 11). */
export function foundGroup(
  suite: MemberSuite,
  identity: ClientIdentity,
  options: {
    readonly groupId: Uint8Array;
    readonly extensions: readonly Extension[];
    readonly lifetime: Lifetime;
  },
  random: RandomBytes,
): NewEpoch {
  const leafKeyPair = generateKemKeyPair(suite.kem, random);
  const source = { type: 'key_package', lifetime: options.lifetime } as const;
  const leaf = createLeafNode(suite, identity, { encryptionKey: leafKeyPair.publicKey, source });
  const tree = new RatchetTree([leaf]);
  const context = {
    cipherSuite: suite.id,
    groupId: options.groupId,
    epoch: 0n,
    treeHash: treeHash(suite, tree),
    confirmedTranscriptHash: new Uint8Array(0),
    extensions: options.extensions,
  };
  const secrets = epochSecretsOf(suite, random(HASH_BYTES));
  const tag = confirmationTag(suite, secrets, context.confirmedTranscriptHash);
  const group = publicGroupOf(suite, { context, tree, confirmationTag: tag });
  return newEpoch({ group, identity, ownLeaf: 0, privateKeys: new Map([[0, leafKeyPair]]) }, secrets);
}
