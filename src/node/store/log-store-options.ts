import type { ConfState, LogIndex } from '../../consensus/types.ts';
import type { EntryPool } from './entry-pool.ts';
import type { FatalSwitch } from './fatal-switch.ts';
import type { RecoveredLog } from './log-recovery.ts';
import type { MarkFile } from './mark-file.ts';
import type { StoreLimits } from './node-store.ts';
import type { SealedDatabase } from './sealed-database.ts';

/** What the log store is put together from. */
export interface LogStoreOptions {
  readonly database: SealedDatabase;
  readonly markFile: MarkFile;
  readonly recovered: RecoveredLog;
  /** What could be saved of a log that is not whole, beside what it holds. */
  readonly saved?: EntryPool | undefined;
  readonly limits: Pick<StoreLimits, 'logCacheBytesMax' | 'recordBytesMax'>;
  /** What the state store held when the process started. */
  readonly applied: () => { readonly index: LogIndex; readonly confState: ConfState };
  readonly fatal: FatalSwitch;
  /** Nothing is written before the directory says whose it is. */
  readonly mayWrite: () => boolean;
  readonly onWritten?: ((durationMs: number) => void) | undefined;
}
