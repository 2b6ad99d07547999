import { setTimeout as delay } from 'node:timers/promises';
import { distributionOf, type Distribution } from '../scripts/chaos/percentiles.ts';
import { FeedSocket } from '../scripts/load/feed-socket.ts';
import { createPerson, openDirectRoom } from '../scripts/load/person.ts';
import { paddedText, sealText } from '../scripts/load/sealed-texts.ts';

const TEXT_BYTES = 256;
const PEOPLE = 8;
const PAUSE_MS = 20;
/** Of each person, in a hurry. */
const AT_ONCE = 16;

/** People who write through one node, one message after the other with short pauses, until they are stopped. */
export class SteadyLoad {
  readonly #people: readonly Writer[];
  #acks: number[] = [];
  #failed = 0;
  #isOn = true;
  readonly #lanes: Promise<unknown>;

  private constructor(people: readonly Writer[]) {
    this.#people = people;
    this.#lanes = Promise.all(people.map((person) => this.#keepWriting(person)));
  }

  static async start(url: string): Promise<SteadyLoad> {
    return new SteadyLoad(await Promise.all(Array.from({ length: PEOPLE }, (_, number) => writer(url, number))));
  }

  async #keepWriting(person: Writer): Promise<void> {
    while (this.#isOn) {
      await this.#write(person);
      await delay(PAUSE_MS);
    }
  }

  async #write(person: Writer): Promise<void> {
    const at = performance.now();
    if (await person.write()) this.#acks.push(performance.now() - at);
    else this.#failed += 1;
  }

  /** Everybody writes as fast as they can until so many messages more are acknowledged. */
  async hurry(messages: number): Promise<void> {
    let left = messages;
    const lane = async (person: Writer): Promise<void> => {
      while ((left -= 1) >= 0) await this.#write(person);
    };
    await Promise.all(this.#people.flatMap((person) => Array.from({ length: AT_ONCE }, () => lane(person))));
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
    for (const person of this.#people) person.close();
  }
}

interface Writer {
  /** Sends a message; false when it was refused. */
  write(): Promise<boolean>;
  close(): void;
}

async function writer(url: string, number: number): Promise<Writer> {
  const [sender, reader] = [await createPerson(url, `load${number}`), await createPerson(url, `idle${number}`)];
  const room = await openDirectRoom(url, sender, reader);
  const socket = await FeedSocket.connect(url, sender.session.token, null, {});
  let counter = 0;
  return {
    write: async () => {
      counter += 1;
      const text = sealText(sender, room, paddedText(`message ${counter} `, TEXT_BYTES), counter);
      return (await socket.send(text.room, text.txnId, text.envelope)).kind === 'ok';
    },
    close: () => socket.close(),
  };
}
