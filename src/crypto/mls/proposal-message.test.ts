import { describe, expect, it } from 'vitest';
import { forgePath } from '../../testing/mls/forge.ts';
import { add, commitOf, contextWith, FOUR, problem, problemOf, refused, remove } from '../../testing/mls/refusals.ts';
import { createDevice } from '../../testing/mls/small-group.ts';
import { nodeRandom } from '../node-random.ts';
import { proposalRef } from './authenticated-content.ts';
import { externalSendersExtension } from './extension.ts';
import { signFramedContent } from './member/message-protection.ts';
import { acceptProposal } from './proposal-message.ts';
import { withProposal } from './public-group.ts';
import type { MlsDevice } from '../../testing/mls/device.ts';
import type { AuthenticatedContent } from './authenticated-content.ts';
import type { Proposal } from './proposal.ts';
import type { PublicGroup } from './public-group.ts';

const { ann, bob, eve, group, suite } = FOUR;

describe('a proposal by itself (RFC 9420 sections 6.1, 12.1)', () => {
  const propose = (
    device: MlsDevice,
    proposal: Proposal,
    sender?: AuthenticatedContent['content']['sender'],
    of = group,
  ): AuthenticatedContent => {
    const { groupId, epoch } = of.context;
    const content = {
      groupId,
      epoch,
      sender: sender ?? ({ type: 'member', leafIndex: device.member.ownLeaf } as const),
      authenticatedData: new Uint8Array(0),
      content: { type: 'proposal', proposal } as const,
    };
    const { secretKey } = device.identity.signingKey;
    const wireFormat = 'public_message';
    const signature = signFramedContent(suite, secretKey, { wireFormat, content, context: of.context });
    return { wireFormat, content, auth: { signature, confirmationTag: null } };
  };
  const taken = (message: AuthenticatedContent, of: PublicGroup = group): unknown =>
    problemOf(() => acceptProposal(of, message, contextWith()));

  it('can be committed by reference', () => {
    const message = propose(bob, remove(2));
    const known = acceptProposal(group, message, contextWith());
    const tree = group.tree.clone();
    tree.remove(2);
    tree.truncate();
    const path = forgePath(ann, group, 0, {}, tree);
    const commit = commitOf({ references: [proposalRef(suite, message)], path });
    expect(refused(commit, {}, known)).toBeNull();
    expect(refused(commit)).toEqual(problem('unknown_proposal', 'not known here'));
  });

  it('is signed by the member it says', () => {
    const forged = propose(bob, remove(2), { type: 'member', leafIndex: 2 });
    expect(taken(forged)).toEqual(problem('bad_signature', 'signature of the proposal'));
    expect(taken(propose(bob, remove(2), { type: 'member', leafIndex: 9 }))).toEqual(
      problem('bad_sender', 'not a member'),
    );
    expect(
      taken({ ...propose(eve, add(eve), { type: 'new_member_proposal' }), wireFormat: 'private_message' }),
    ).toEqual(problem('bad_sender', 'Only members can send private'));
    expect(taken(commitOf({}))).toEqual(problem('malformed', 'not a proposal'));
  });

  it('comes from outside only with leave', () => {
    const service = createDevice('service');
    const { signingKey, credential } = service.identity;
    const extension = externalSendersExtension([{ signatureKey: signingKey.publicKey, credential }]);
    const open: PublicGroup = { ...group, context: { ...group.context, extensions: [extension] } };
    const external = { type: 'external', senderIndex: 0 } as const;
    expect(taken(propose(service, remove(1), external), open)).toBeNull();
    expect(taken(propose(service, remove(1), external))).toEqual(problem('bad_sender', 'no such external sender'));
    expect(taken(propose(eve, remove(1), external), open)).toEqual(problem('bad_signature', 'signature'));
    expect(taken(propose(eve, add(eve), { type: 'new_member_proposal' }))).toBeNull();
    expect(taken(propose(bob, add(eve), { type: 'new_member_proposal' }))).toEqual(
      problem('bad_signature', 'signature'),
    );
    expect(taken(propose(eve, remove(1), { type: 'new_member_proposal' }))).toEqual(
      problem('bad_sender', 'to be added'),
    );
    expect(taken(propose(eve, add(eve), { type: 'new_member_commit' }))).toEqual(
      problem('bad_sender', 'makes no proposals'),
    );
  });

  it('that removes the committer is left to somebody else', () => {
    const known = withProposal(group, nodeRandom(32), {
      proposal: remove(0),
      sender: { type: 'member', leafIndex: 1 },
    });
    expect(known.proposals.size).toBe(1);
    expect(group.proposals.size).toBe(0);
  });
});
