import { isJoint } from '../../../consensus/quorum/joint.ts';
import type { ConfState, PeerId } from '../../../consensus/types.ts';
import type { SimNode } from '../sim-node.ts';
import { insist } from '../violation.ts';

interface Membership {
  /** From this index on. */
  readonly index: number;
  readonly confState: ConfState;
  readonly text: string;
}

/** What is promised about memberships: each follows the one before it in a way that keeps majorities overlapping. */
export class MembershipChecks {
  readonly #memberships: Membership[] = [];

  /** A node has applied a change at `index`. */
  applied(node: SimNode, index: number, confState: ConfState): void {
    const text = JSON.stringify(confState);
    const known = this.#memberships.findLast((membership) => membership.index <= index);
    if (known?.index === index) {
      insist(known.text === text, 'membership', () => `${node.name} has ${text} at ${index}, others ${known.text}`);
      return;
    }
    const isNewest = known === this.#memberships.at(-1);
    insist(isNewest, 'membership', () => `${node.name} has a change at ${index}, where the others have none`);
    if (known !== undefined) {
      const isSafe = mayFollow(known.confState, confState);
      insist(isSafe, 'safe-membership-step', () => `${node.name} goes from ${known.text} to ${text} at ${index}`);
    }
    this.#memberships.push({ index, confState, text });
  }

  /** A node begins anew with a snapshot that ends at `index`. */
  installed(node: SimNode, index: number, confState: ConfState): void {
    const known = this.#memberships.findLast((membership) => membership.index <= index);
    const text = JSON.stringify(confState);
    const same = known === undefined || known.text === text;
    insist(same, 'snapshot-membership', () => `${node.name} is told ${text} at ${index}, it is ${known?.text}`);
  }
}

/** Dissertation 4.1 and 4.3: one voter at a time, or through a configuration in which both majorities decide. */
function mayFollow(before: ConfState, after: ConfState): boolean {
  if (isJoint(before)) return isJoint(after) ? false : sameVoters(after.voters, before.voters);
  if (isJoint(after)) return sameVoters(after.votersOutgoing, before.voters);
  const gone = before.voters.filter((peer) => !after.voters.includes(peer));
  const come = after.voters.filter((peer) => !before.voters.includes(peer));
  return gone.length + come.length <= 1;
}

const sameVoters = (a: readonly PeerId[], b: readonly PeerId[]): boolean => a.join() === b.join();
