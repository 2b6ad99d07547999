import { pino } from 'pino';
import { readChatdConfig } from '../../../src/cli/chatd/config.ts';
import { runNode } from '../../../src/cli/chatd/run-node.ts';
import { apiUrl, LOOPBACK, peersFlag } from '../../../src/cli/local-cluster/layout.ts';
import type { RunningNode } from '../../../src/cli/chatd/run-node.ts';
import type { ClusterLayout, NodePlace } from '../../../src/cli/local-cluster/layout.ts';
import type { Logger } from 'pino';

/** A supervisor would start it again as often, and more. */
const STARTS_MAX = 4;

export interface LiveNodeOptions {
  readonly layout: ClusterLayout;
  readonly place: NodePlace;
  readonly natsUrl: string;
  readonly limitsFile: string;
}

/** A whole node, as `chatd` builds it, in this process. Starts again by itself where `chatd` would end. */
export class LiveNode {
  readonly place: NodePlace;
  readonly #options: LiveNodeOptions;
  #running: RunningNode | null = null;
  #starting: Promise<void> = Promise.resolve();
  #isWanted = false;
  #startsLeft = 0;
  /** What it logged since it was last started by `start`. */
  readonly said: string[] = [];
  /** Why it ended by itself since then. */
  readonly ends: string[] = [];

  constructor(options: LiveNodeOptions) {
    this.place = options.place;
    this.#options = options;
  }

  async start(): Promise<void> {
    this.said.length = 0;
    this.ends.length = 0;
    this.#isWanted = true;
    this.#startsLeft = STARTS_MAX;
    this.#startAgain();
    await this.#starting;
  }

  async stop(): Promise<void> {
    this.#isWanted = false;
    this.#startAgain();
    await this.#starting;
  }

  /** Ends what runs, and starts what should. */
  #startAgain(): void {
    this.#starting = this.#starting.then(() => this.#startOnce());
  }

  async #startOnce(): Promise<void> {
    const before = this.#running;
    this.#running = null;
    await before?.stop();
    if (!this.#isWanted || this.#startsLeft === 0) return;
    this.#startsLeft -= 1;
    const onFatal = (error: unknown): void => this.#onEnd(error);
    try {
      this.#running = await runNode(this.#config(), '0.0.0', this.#logger(), { onFatal, onFull: onFatal });
    } catch (error) {
      this.#onEnd(error);
    }
  }

  #onEnd(error: unknown): void {
    this.ends.push(error instanceof Error ? error.message : String(error));
    this.#startAgain();
  }

  #config(): Parameters<typeof runNode>[0] {
    const { layout, place, natsUrl, limitsFile } = this.#options;
    return readChatdConfig(
      {
        id: place.name,
        peers: peersFlag(layout),
        api: `${LOOPBACK}:${place.apiPort}`,
        advertise: apiUrl(place),
        'nats-port': String(place.natsPort),
        nats: natsUrl,
        data: place.dataDir,
        'cluster-secret-file': layout.secretFile,
        registration: 'open',
        limits: limitsFile,
        'disk-reserve': '0',
        'scrub-hours': '0',
      },
      {},
    );
  }

  #logger(): Logger {
    return pino({ level: 'info' }, { write: (line: string) => void this.said.push(line) });
  }
}
