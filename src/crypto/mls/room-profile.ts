import { MlsError, verify } from './error.ts';
import type { AuthenticatedContent } from './authenticated-content.ts';
import type { ProposalType } from './proposal.ts';

/** How many members one commit may add. */
export const ADDS_MAX = 64;

const ALLOWED: ReadonlySet<ProposalType> = new Set(['add', 'remove', 'external_init']);

/**
 * What rooms use of RFC 9420, which leaves more open: handshakes are public messages, proposals come by value, and
 * only those that an observer can check.
 * @throws MlsError (`forbidden`)
 */
export function validateRoomProfile({ wireFormat, content }: AuthenticatedContent): void {
  if (content.content.type !== 'commit') throw new MlsError('forbidden', 'Rooms take no proposals by themselves.');
  verify(wireFormat === 'public_message', 'forbidden', 'Handshakes of rooms are public messages.');
  const { proposals } = content.content.commit;
  const adds = proposals.filter((item) => item.type === 'proposal' && item.proposal.type === 'add').length;
  verify(adds <= ADDS_MAX, 'forbidden', `A commit adds at most ${ADDS_MAX} members.`);
  for (const item of proposals) {
    if (item.type === 'reference') throw new MlsError('forbidden', 'Commits of rooms contain their proposals.');
    const { type } = item.proposal;
    verify(ALLOWED.has(type), 'forbidden', `Rooms do not use proposals of type ${type}.`);
  }
}
