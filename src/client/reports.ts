import { toBase64Url } from '../protocol/base64url.ts';
import { ParleyError } from '../protocol/errors.ts';
import { reported } from './answers.ts';
import type { MessageJsonT } from '../protocol/http/schemas.ts';
import type { RoomId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { History } from './history.ts';
import type { Reader } from './reader.ts';
import type { Rooms } from './rooms.ts';

const CALL_MS_MAX = 30_000;

/** Tells the admins of the server of messages, and shows them what one chooses to. */
export class Reports {
  readonly #context: ClientContext;
  readonly #parts: { readonly rooms: Rooms; readonly history: History; readonly reader: Reader };

  constructor(context: ClientContext, parts: { rooms: Rooms; history: History; reader: Reader }) {
    this.#context = context;
    this.#parts = parts;
  }

  /**
   * @param reveal numbers of the messages whose text goes along, in clear, for admins to read
   * @returns the number of the report
   * @throws ParleyError `no_such_message`, `unreadable` for what this device cannot show, `too_many`
   */
  async report(
    target: string,
    { seq, reason, reveal }: { readonly seq: number; readonly reason: string; readonly reveal: readonly number[] },
  ): Promise<number> {
    const { room } = await this.#parts.rooms.resolve(target, CALL_MS_MAX);
    const revealed = await Promise.all(
      reveal.map(async (place) => {
        const { r, content } = await this.#parts.reader.reveal(await this.#messageAt(room, place));
        return { seq: place, r: toBase64Url(r), content: toBase64Url(content) };
      }),
    );
    const body = { room, seq, reason, revealed, txnId: this.#context.newTxnId() };
    const request = { method: 'POST', path: '/v1/reports', body, answer: reported } as const;
    return (await this.#context.session.call(request, CALL_MS_MAX)).report;
  }

  async #messageAt(room: RoomId, seq: number): Promise<MessageJsonT> {
    for await (const { messages } of this.#parts.history.pages(room, { after: seq - 1, limit: 1 })) {
      if (messages[0]?.seq === seq) return messages[0];
    }
    throw new ParleyError('no_such_message');
  }
}
