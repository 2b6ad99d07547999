import { EXTENSION_TYPES, externalPubExtension } from '../extension.ts';
import { groupInfoTbs } from '../group-info.ts';
import { writeRatchetTree } from '../ratchet-tree.ts';
import { encode } from '../tls-writer.ts';
import { signWithLabel } from './labelled-crypto.ts';
import { externalKeyPair } from './key-schedule.ts';
import type { Extension } from '../extension.ts';
import type { GroupInfo } from '../group-info.ts';
import type { EpochState } from './epoch-state.ts';
import type { MemberSuite } from './primitives.ts';

export interface GroupInfoOptions {
  /** Puts the whole tree in; otherwise joiners get it elsewhere. */
  readonly withTree?: boolean;
  /** Lets others join by external commits. */
  readonly withExternalPub?: boolean;
  readonly extensions?: readonly Extension[];
}

/** GroupInfo of a state (RFC 9420 section 12.4.3), signed by its member. */
export function createGroupInfo(suite: MemberSuite, state: EpochState, options: GroupInfoOptions): GroupInfo {
  const { group, identity, secrets, ownLeaf } = state;
  const extensions: Extension[] = [...(options.extensions ?? [])];
  if (options.withTree === true) {
    extensions.push({ type: EXTENSION_TYPES.ratchetTree, data: encode(writeRatchetTree, group.tree) });
  }
  if (options.withExternalPub === true) {
    extensions.push(externalPubExtension(externalKeyPair(suite, secrets).publicKey));
  }
  const { context, confirmationTag } = group;
  const unsigned = { groupContext: context, extensions, confirmationTag, signer: ownLeaf };
  const { secretKey } = identity.signingKey;
  return { ...unsigned, signature: signWithLabel(suite, secretKey, 'GroupInfoTBS', groupInfoTbs(unsigned)) };
}
