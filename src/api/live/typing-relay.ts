import { LIMITS } from '../../protocol/limits.ts';
import { textFrame } from '../gateway/frame-bytes.ts';
import { encodeSignal } from './signal-codec.ts';
import { maySee } from './visibility.ts';
import type { StateReader } from '../../chat/ports.ts';
import type { SignalPort } from '../../node/ports.ts';
import type { TypingFrameJson } from '../../protocol/http/frames.ts';
import type { AccountId, AccountName } from '../../protocol/ids.ts';
import type { ApiLimits } from '../config.ts';
import type { EventHub } from '../gateway/event-hub.ts';
import type { PassingFrame } from '../gateway/subscription.ts';
import type { TypingSignal } from './signal-codec.ts';

/** What is to be told to the other nodes in one frame; what comes beyond it is lost, as it may be. */
const GATHERED_MAX = 1_000;

export interface TypingRelayOptions {
  readonly signals: Pick<SignalPort, 'broadcast'>;
  readonly hub: Pick<EventHub, 'listenersOf'>;
  readonly limits: Pick<ApiLimits, 'signalsGatherMs' | 'typingListenersMax'>;
  readonly reader: () => StateReader;
  readonly nameOf: (account: AccountId) => AccountName;
}

/** Who is writing. Nothing of it is remembered: it ends by itself with those who show it. */
export class TypingRelay {
  readonly #options: TypingRelayOptions;
  /** By room and account, so that only the last word of each counts. */
  readonly #gathered = new Map<string, TypingSignal>();
  #gathering: NodeJS.Timeout | null = null;

  constructor(options: TypingRelayOptions) {
    this.#options = options;
  }

  /** Said on this node, by who may say it. */
  say(signal: TypingSignal): void {
    this.#gather(signal);
    this.hear(signal);
  }

  /** Tells those who listen here. */
  hear({ room, account, active }: TypingSignal): void {
    const { hub, limits, nameOf } = this.#options;
    const listeners = hub.listenersOf(room);
    if (listeners.size === 0 || listeners.size > limits.typingListenersMax) return;
    const reader = this.#options.reader();
    let frame: PassingFrame | undefined;
    for (const listener of listeners) {
      if (listener.account === account || !maySee(reader, listener.account, account, room)) continue;
      frame ??= typingFrame({
        type: 'typing',
        room,
        account: nameOf(account),
        accountId: account,
        active,
        forMs: LIMITS.typingShownMs,
      });
      for (const { sink } of listener.subscriptions) sink.pass(frame);
    }
  }

  stop(): void {
    if (this.#gathering !== null) clearTimeout(this.#gathering);
  }

  #gather(signal: TypingSignal): void {
    const key = `${signal.room}/${signal.account}`;
    if (this.#gathered.size >= GATHERED_MAX && !this.#gathered.has(key)) return;
    this.#gathered.set(key, signal);
    this.#gathering ??= setTimeout(() => this.#tell(), this.#options.limits.signalsGatherMs).unref();
  }

  #tell(): void {
    this.#gathering = null;
    const typing = [...this.#gathered.values()];
    this.#gathered.clear();
    this.#options.signals.broadcast(encodeSignal({ kind: 'typing', typing }));
  }
}

function typingFrame(json: TypingFrameJson): PassingFrame {
  const text = JSON.stringify(json);
  return {
    webSocketBytes: textFrame(text),
    sentEventBytes: Buffer.from(`event: typing\ndata: ${text}\n\n`),
  };
}
