import { accountIdByName } from '../../chat/queries-accounts.ts';
import { refuseOver } from '../rate-limit.ts';
import type { ClientFrameJson, ServerFrameJson } from '../../protocol/http/frames.ts';
import type { PresenceChoiceT } from '../../protocol/http/presence.ts';
import type { RoomId } from '../../protocol/ids.ts';
import type { Session } from '../auth.ts';
import type { ApiContext } from '../context.ts';
import type { OwnFeed } from '../live/own-presence.ts';
import type { Watcher } from '../live/presence-watches.ts';

export type SignalFrameJson = Extract<ClientFrameJson, { type: 'typing' | 'presence' | 'watch' }>;

/** What one WebSocket says, and hears, of the moment: presence and typing. */
export class SocketSignals {
  readonly #context: ApiContext;
  readonly #session: Session;
  readonly #feed: OwnFeed;
  readonly #watcher: Watcher;
  readonly #write: (frame: ServerFrameJson) => void;

  /** @param offer writes a frame where there is room for it, and says whether there was */
  constructor(
    context: ApiContext,
    session: Session,
    presence: PresenceChoiceT,
    {
      write,
      offer,
    }: { readonly write: (frame: ServerFrameJson) => void; readonly offer: (frame: ServerFrameJson) => boolean },
  ) {
    this.#context = context;
    this.#session = session;
    this.#write = write;
    this.#feed = context.live.open(session.account, presence);
    this.#watcher = context.live.watcher(session.account, (people) => offer({ type: 'presence', people: [...people] }));
  }

  /** @throws ParleyError `rate_limited`, `no_such_room`, `overloaded` */
  handle(frame: SignalFrameJson): void {
    const { live, rates } = this.#context;
    for (let i = 0; i < costOf(frame); i += 1) refuseOver(rates.signals(this.#session.session));
    switch (frame.type) {
      case 'typing':
        live.say({ room: frame.room as RoomId, account: this.#session.account, active: frame.active });
        return;
      case 'presence':
        this.#feed.choose(frame.status);
        return;
      case 'watch':
        this.#watch(frame);
    }
  }

  #watch({ people, ref }: Extract<SignalFrameJson, { type: 'watch' }>): void {
    const { live, node } = this.#context;
    const known = people.flatMap(({ account: name, room }) => {
      const account = accountIdByName(node.reader, name);
      return account === undefined ? [] : [{ account, room: room as RoomId }];
    });
    const seen = live.watch(this.#watcher, known);
    this.#write({ type: 'presence', ...(ref === undefined ? {} : { ref }), people: [...seen] });
  }

  /** May be called again. */
  close(): void {
    this.#context.live.unwatch(this.#watcher);
    this.#feed.close();
  }
}

/** For each person who is watched a few rows are looked at. */
const PEOPLE_PER_TOKEN = 32;

const costOf = (frame: SignalFrameJson): number =>
  frame.type === 'watch' ? Math.max(1, Math.ceil(frame.people.length / PEOPLE_PER_TOKEN)) : 1;
