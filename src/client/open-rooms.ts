import { ParleyError } from '../protocol/errors.ts';
import { isOpenRoom, isRoomId } from '../protocol/ids.ts';
import { membersOf, openRooms, roomWritten } from './answers.ts';
import type { Role } from '../protocol/commands.ts';
import type { OpenRoomJsonT } from '../protocol/http/open-rooms.ts';
import type { AccountName, RoomId } from '../protocol/ids.ts';
import type { ClientContext } from './context.ts';
import type { Rooms } from './rooms.ts';

const CALL_MS_MAX = 30_000;

export interface MemberLine {
  readonly room: RoomId;
  readonly account: AccountName;
  readonly role: Role;
  /** Null for who may write. */
  readonly mutedUntil: string | null;
}

/** Rooms that anybody may find and join, and who is in a room, however large it is. */
export class OpenRooms {
  readonly #context: ClientContext;
  readonly #rooms: Rooms;

  constructor(context: ClientContext, rooms: Rooms) {
    this.#context = context;
    this.#rooms = rooms;
  }

  /** Those with a word in their name that begins like this; all for an empty text. What they are called a node says. */
  async *find(query: string): AsyncGenerator<OpenRoomJsonT> {
    const path = `/v1/open-rooms?query=${encodeURIComponent(query)}`;
    for (let after = ''; ;) {
      const { rooms, next } = await this.#context.readAny(`${path}${after}`, openRooms, CALL_MS_MAX);
      yield* rooms;
      if (next === null) return;
      after = `&after=${encodeURIComponent(next)}`;
    }
  }

  /** @param text `room:ID`, as `find` shows it. @throws ParleyError `usage` for what is no open room */
  async join(text: string): Promise<RoomId> {
    const room = text.replace(/^room:/, '');
    if (!isRoomId(room) || !isOpenRoom(room)) {
      throw new ParleyError('usage', `“${text}” is no open room: parley room find shows them.`);
    }
    const body = { txnId: this.#context.newTxnId() };
    const path = `/v1/rooms/${room}/join`;
    await this.#context.write({ method: 'POST', path, body, answer: roomWritten(room) }, CALL_MS_MAX);
    return room;
  }

  /** In the order in which they joined. */
  async *members(target: string): AsyncGenerator<MemberLine> {
    const { room } = await this.#rooms.resolve(target, CALL_MS_MAX);
    for (let after = 0; ;) {
      const path = `/v1/rooms/${room}/members?after=${after}`;
      const { members, next } = await this.#context.read(path, membersOf, CALL_MS_MAX);
      for (const { account, role, mutedUntil } of members) {
        yield { room, account: account as AccountName, role, mutedUntil };
      }
      if (next === null) return;
      after = next;
    }
  }
}
