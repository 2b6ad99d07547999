import { equalBytes } from '../../bytes.ts';
import { EpochMessages } from './epoch-messages.ts';
import { RESUMPTION_EPOCHS_MAX } from './member-options.ts';
import type { AuthenticatedContent } from '../authenticated-content.ts';
import type { MemberEnvironment } from './environment.ts';
import type { EpochState, NewEpoch } from './epoch-state.ts';
import type { EpochSecrets } from './key-schedule.ts';
import type { MemberOptions, Stamp } from './member-options.ts';

/** What is kept of an own commit until the log echoes it. */
export interface StagedCommit {
  /** Hash of the encoded message. */
  readonly hash: Uint8Array;
  readonly message: AuthenticatedContent;
  readonly secrets: EpochSecrets;
  readonly privateKeys: EpochState['privateKeys'];
}

/** Everything that a member consists of; `group-records.ts` makes it durable. */
export interface MemberParts {
  readonly state: EpochState;
  readonly current: EpochMessages;
  /** Latest first. */
  readonly past: readonly EpochMessages[];
  /** Resumption keys by epoch, oldest first. */
  readonly resumption: ReadonlyMap<bigint, Uint8Array>;
  readonly staged: StagedCommit | null;
  /** Removed, or found to be a copy: of no use any more. */
  readonly isDiscarded: boolean;
}

export function beginParts({ suite }: MemberOptions, epoch: NewEpoch): MemberParts {
  const { context } = epoch.state.group;
  return {
    state: epoch.state,
    current: EpochMessages.begin(suite, epoch),
    past: [],
    resumption: new Map([[context.epoch, epoch.state.secrets.resumptionPsk]]),
    staged: null,
    isDiscarded: false,
  };
}

/** The parts after a commit. */
export function enterEpoch(options: MemberOptions, parts: MemberParts, next: NewEpoch): MemberParts {
  const fresh = beginParts(options, next);
  return {
    ...fresh,
    past: [parts.current, ...parts.past].slice(0, options.pastEpochsMax ?? 0),
    resumption: new Map([...parts.resumption, ...fresh.resumption].slice(-RESUMPTION_EPOCHS_MAX)),
  };
}

export function environmentOf(
  { suite, random, application, findPsk }: MemberOptions,
  { state, resumption }: MemberParts,
  { nowSeconds, rules }: Stamp,
): MemberEnvironment {
  const { groupId } = state.group.context;
  return {
    suite,
    random,
    validation: { suite, nowSeconds, rules, application },
    findPsk: (id) => {
      const isOwn = id.type === 'resumption' && equalBytes(id.groupId, groupId);
      return (isOwn ? resumption.get(id.epoch) : findPsk?.(id)) ?? null;
    },
  };
}
