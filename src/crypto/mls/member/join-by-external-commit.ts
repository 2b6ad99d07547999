import { HASH_BYTES } from '../../hkdf.ts';
import { verify, MlsError } from '../error.ts';
import { externalPubOf } from '../extension.ts';
import { publicGroupOf } from '../public-group.ts';
import { buildCommit } from './commit-builder.ts';
import { validatedTree } from './join-by-welcome.ts';
import { createExternalInit } from './labelled-crypto.ts';
import type { GroupInfo } from '../group-info.ts';
import type { Proposal } from '../proposal.ts';
import type { PreSharedKeyId } from '../psk.ts';
import type { RatchetTree } from '../ratchet-tree.ts';
import type { ClientIdentity } from './client-identity.ts';
import type { BuiltCommit } from './commit-builder.ts';
import type { MemberEnvironment } from './environment.ts';

export interface ExternalJoin {
  /** With an external key. */
  readonly groupInfo: GroupInfo;
  readonly identity: ClientIdentity;
  readonly tree?: RatchetTree | null;
  /** The joiner's own old leaf, which this commit replaces. */
  readonly removes?: number | null;
  readonly psks?: readonly PreSharedKeyId[];
  readonly authenticatedData: Uint8Array;
}

/**
 * An external commit (RFC 9420 section 12.4.3.2). The joiner is a member when the group took the commit, not before.
 * @throws MlsError
 */
export function joinByExternalCommit(join: ExternalJoin, environment: MemberEnvironment): BuiltCommit {
  const { groupInfo, identity } = join;
  const { suite } = environment;
  const { groupContext: context, confirmationTag } = groupInfo;
  verify(context.cipherSuite === suite.id, 'bad_group_info', 'The group is of another cipher suite.');
  const tree = validatedTree(groupInfo, join.tree ?? null, environment);
  const externalPub = externalPubOf(groupInfo.extensions);
  if (externalPub === null) throw new MlsError('bad_group_info', 'The group info has no external key.');
  verify(confirmationTag.length === HASH_BYTES, 'bad_group_info', 'The confirmation tag has a wrong length.');
  const { kemOutput, initSecret } = createExternalInit(suite, externalPub, environment.random);
  const sender = { type: 'new_member_commit' } as const;
  const list: Proposal[] = [{ type: 'external_init', kemOutput }];
  if (typeof join.removes === 'number') list.push({ type: 'remove', removed: join.removes });
  for (const psk of join.psks ?? []) list.push({ type: 'psk', psk });
  return buildCommit(
    {
      group: publicGroupOf(suite, { context, tree, confirmationTag }),
      identity,
      sender,
      sourced: list.map((proposal) => ({ proposal, sender })),
      proposals: list.map((proposal) => ({ type: 'proposal', proposal })),
      alwaysPath: true,
      authenticatedData: join.authenticatedData,
      wireFormat: 'public_message',
      initSecret,
      privateKeys: new Map(),
    },
    environment,
  );
}
