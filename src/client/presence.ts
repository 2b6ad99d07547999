import { membersOf, presenceOf, typingTaken } from './answers.ts';
import { LIMITS } from '../protocol/limits.ts';
import type { PersonPresenceJson } from '../protocol/http/presence.ts';
import type { AccountId, RoomId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { Rooms } from './rooms.ts';

const CALL_MS_MAX = 30_000;

/** Who is there and who is writing, as nodes tell: nothing that anybody has signed. */
export class Presence {
  readonly #context: ClientContext;
  readonly #rooms: Rooms;

  constructor(context: ClientContext, rooms: Rooms) {
    this.#context = context;
    this.#rooms = rooms;
  }

  /** The members of a room, however many, in the order in which they joined. @throws ParleyError `no_such_room` */
  async *in(target: string): AsyncGenerator<PersonPresenceJson> {
    const { room } = await this.#rooms.resolve(target, CALL_MS_MAX);
    for (let after = 0; ;) {
      const page = `/v1/rooms/${room}/members?after=${after}&limit=${LIMITS.presenceAskedMax}`;
      const { members, next } = await this.#context.read(page, membersOf, CALL_MS_MAX);
      const asked = new Map(members.map(({ account, accountId }) => [account, accountId as AccountId]));
      const path = `/v1/rooms/${room}/presence?accounts=${[...asked.keys()].join(',')}`;
      if (asked.size > 0) yield* (await this.#context.read(path, presenceOf(asked), CALL_MS_MAX)).people;
      if (next === null) return;
      after = next;
    }
  }

  /** Says that one is writing, for a few seconds unless it is said again; or that one has stopped. */
  async type(target: string, active: boolean): Promise<{ readonly room: RoomId; readonly forMs: number }> {
    const { room } = await this.#rooms.resolve(target, CALL_MS_MAX);
    const path = `/v1/rooms/${room}/typing`;
    const request = { method: 'PUT', path, body: { active }, answer: typingTaken(room) } as const;
    const { forMs } = await this.#context.session.call(request, CALL_MS_MAX);
    return { room, forMs };
  }
}
