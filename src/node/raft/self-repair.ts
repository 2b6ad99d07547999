import type { NodeName } from '../../protocol/ids.ts';
import { plus, type PeerId } from '../../consensus/types.ts';
import type { LogStore, StateStore } from '../ports.ts';
import { EntryRestorer, type EntryRestorerEnv } from './entry-restorer.ts';
import type { RaftSettings } from './raft-settings.ts';
import { lacksState } from './recovery.ts';
import {
  decodeRepairAnswer,
  decodeRepairRequest,
  encodeRepairAnswer,
  encodeRepairRequest,
  type RepairAnswer,
  type RepairRefusal,
  type RepairRequest,
} from './repair-frames.ts';
import { answerRepair, type RepairServerEnv } from './repair-server.ts';
import type { SnapshotReceiver } from './snapshot-receiver.ts';

export interface SelfRepairEnv {
  readonly log: LogStore;
  readonly state: StateStore;
  readonly settings: Pick<RaftSettings, 'snapshotRetryMs' | 'restoreBytesMax' | 'messageBytesMax'>;
  readonly monotonicMs: () => number;
  /** The other nodes. */
  readonly others: () => readonly NodeName[];
  readonly peerOf: (name: NodeName) => PeerId | undefined;
  readonly send: (to: NodeName, kind: 'repair-request' | 'repair-answer', payload: Uint8Array) => void;
  readonly restore: EntryRestorerEnv['restore'];
  readonly receiver: Pick<SnapshotReceiver, 'receiving' | 'fetch'>;
  readonly isInstalling: () => boolean;
  readonly offer: RepairServerEnv['offer'];
}

const SILENT = 'does not answer';
const REASONS: Readonly<Record<RepairRefusal, string>> = {
  compacted: 'has dropped these entries',
  lacking: 'lacks them, too',
  different: 'has others in their place',
  behind: 'has no state that reaches that far',
  busy: 'is busy with others',
};

/**
 * How a damaged node helps itself where no leader does: it asks one node after the other for what it lacks, and answers
 * others that do. A cluster whose nodes are all damaged, each in another place, becomes whole in this way.
 */
export class SelfRepair {
  readonly #env: SelfRepairEnv;
  readonly #entries: EntryRestorer;
  #next = 0;
  #asked: NodeName | undefined;
  #askedAtMs: number | undefined;
  /** What the others said last. */
  readonly #answers = new Map<NodeName, string>();
  /** Those who have the missing entries in their state only. */
  readonly #compacted = new Set<NodeName>();

  constructor(env: SelfRepairEnv) {
    this.#env = env;
    this.#entries = new EntryRestorer(env);
  }

  /** What stands in the way; null while nothing is known to. */
  get outlook(): string | null {
    if (this.#entries.isTooMuch) return 'too much is missing to be fetched without a leader';
    if (this.#entries.waitsForLeader) return 'a leader has to tell how far the log is committed';
    if (this.#answers.size === 0) return null;
    return [...this.#answers].map(([node, said]) => `${node} ${said}`).join(', ');
  }

  onTick(): void {
    const { monotonicMs, settings } = this.#env;
    if (this.#wanted() === undefined) {
      this.#rest();
      return;
    }
    // A leader that lives is faster.
    this.#askedAtMs ??= monotonicMs();
    if (monotonicMs() - this.#askedAtMs < settings.snapshotRetryMs) return;
    if (this.#asked !== undefined) {
      this.#answers.set(this.#asked, SILENT);
      this.#next += 1;
    }
    this.#ask();
  }

  #rest(): void {
    this.#asked = undefined;
    this.#askedAtMs = undefined;
    this.#answers.clear();
    this.#compacted.clear();
  }

  #wanted(): RepairRequest | undefined {
    const { log, state, receiver } = this.#env;
    if (receiver.receiving) return undefined;
    const entries = this.#entries.wanted();
    if (entries !== undefined) return entries;
    if (!lacksState(log, state)) return undefined;
    return { kind: 'state', least: (log.firstIndex() - 1) as typeof state.appliedIndex };
  }

  #ask(): void {
    const { others, send, monotonicMs } = this.#env;
    const names = others();
    this.#askedAtMs = monotonicMs();
    const request = this.#wanted();
    if (names.length === 0 || request === undefined) return;
    const name = names[this.#next % names.length]!;
    this.#asked = name;
    send(name, 'repair-request', encodeRepairRequest(this.#suited(request, name)));
  }

  /** Where entries are gone, the state that contains them does as well. */
  #suited(request: RepairRequest, to: NodeName): RepairRequest {
    if (request.kind !== 'entries' || !this.#compacted.has(to)) return request;
    return { kind: 'state', least: plus(request.after.index, 1) };
  }

  /** @throws ParleyError `bad_request` */
  onRequest(from: NodeName, payload: Uint8Array): void {
    const { log, state, settings, send, peerOf, isInstalling, offer } = this.#env;
    const peer = peerOf(from);
    if (peer === undefined) return;
    const env = { log, state, bytesMax: settings.messageBytesMax, isInstalling, offer };
    send(from, 'repair-answer', encodeRepairAnswer(answerRepair(env, peer, decodeRepairRequest(payload))));
  }

  /** @throws ParleyError `bad_request`, `unsupported_version` */
  onAnswer(from: NodeName, payload: Uint8Array): void {
    if (from !== this.#asked) return;
    const answer = decodeRepairAnswer(payload);
    this.#asked = undefined;
    this.#answers.delete(from);
    if (this.#isOfUse(answer, from)) {
      this.#ask();
      return;
    }
    // The next one is asked after a pause, and this one again after all others.
    this.#next += 1;
  }

  #isOfUse(answer: RepairAnswer, from: NodeName): boolean {
    if (answer.kind === 'entries') return this.#entries.take(answer.after, answer.entries);
    if (answer.kind === 'state') {
      this.#env.receiver.fetch(answer.snapshot, from);
      return false;
    }
    this.#answers.set(from, REASONS[answer.refusal]);
    if (answer.what === 'state') this.#compacted.delete(from);
    else if (answer.refusal === 'compacted') this.#compacted.add(from);
    return false;
  }
}
