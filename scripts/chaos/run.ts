import type { Verdict } from './checker.ts';

/** What every way of disturbing a cluster is told. */
export interface RunOptions {
  readonly rounds: number;
  readonly seed: number;
  /** Sends per second, over all writers. */
  readonly rate: number;
  readonly historyFile: string | null;
  readonly keepData: boolean;
  /** Compiled `chatd`; needed by callers that are not compiled themselves. */
  readonly chatdFile?: string;
  readonly say: (sentence: string) => void;
}

/** What is known of every run at its end. */
export interface RunReport {
  readonly verdict: Verdict;
  /** In the end all nodes had applied the same. */
  readonly converged: boolean;
  /** Too little was acknowledged for the verdict to mean anything. */
  readonly invalid: boolean;
  readonly scoreLine: string;
}
