import type { HardState, LogIndex } from '../../consensus/types.ts';
import type { Done } from '../ports.ts';
import type { LogBase } from './log-rows.ts';
import type { RecordPlace } from './record-index.ts';

/** What one disk write makes durable. */
export interface WriteGroup {
  readonly waiting: readonly Done[];
  readonly hardState: HardState;
  readonly base: LogBase;
  /** First entry that is (re)written, or one past the last when none is. */
  readonly from: LogIndex;
  readonly last: LogIndex;
  readonly places: readonly RecordPlace[];
  /** Records that are dead once a new base is durable. */
  readonly compacted: readonly string[];
}
