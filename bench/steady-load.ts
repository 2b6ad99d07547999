import { setTimeout as delay } from 'node:timers/promises';
import { distributionOf, type Distribution } from '../scripts/chaos/percentiles.ts';
import { FeedSocket } from '../scripts/load/feed-socket.ts';
import { createPerson, openDirectRoom } from '../scripts/load/person.ts';
import { paddedText, sealText } from '../scripts/load/sealed-texts.ts';

const TEXT_BYTES = 256;
const LANES = 8;
const PAUSE_MS = 20;

/** People who write through one node, one message after the other with short pauses, until they are stopped. */
export class SteadyLoad {
  #acks: number[] = [];
  #failed = 0;
  #isOn = true;
  readonly #lanes: Promise<void>;

  private constructor(lanes: readonly ((isOn: () => boolean) => Promise<void>)[]) {
    this.#lanes = Promise.all(lanes.map((lane) => lane(() => this.#isOn))).then(() => undefined);
  }

  static async start(url: string): Promise<SteadyLoad> {
    const load: SteadyLoad = new SteadyLoad(
      await Promise.all(
        Array.from({ length: LANES }, async (_, number) => {
          const [sender, reader] = [await createPerson(url, `load${number}`), await createPerson(url, `idle${number}`)];
          const room = await openDirectRoom(url, sender, reader);
          const socket = await FeedSocket.connect(url, sender.session.token, null, {});
          return async (isOn: () => boolean) => {
            for (let counter = 1; isOn(); counter += 1) {
              const text = sealText(sender, room, paddedText(`message ${counter} `, TEXT_BYTES), counter);
              const at = performance.now();
              const { kind } = await socket.send(text.room, text.txnId, text.envelope);
              if (kind === 'ok') load.#acks.push(performance.now() - at);
              else load.#failed += 1;
              await delay(PAUSE_MS);
            }
            socket.close();
          };
        }),
      ),
    );
    return load;
  }

  /** Milliseconds from sending to acknowledgement, since the last call. */
  take(): Distribution & { readonly failed: number } {
    const taken = { ...distributionOf(this.#acks), failed: this.#failed };
    this.#acks = [];
    this.#failed = 0;
    return taken;
  }

  async stop(): Promise<void> {
    this.#isOn = false;
    await this.#lanes;
  }
}
