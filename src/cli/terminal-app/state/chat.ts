import { DraftTexts } from './draft-texts.ts';
import { Notices } from './notices.ts';
import { Typists } from './typists.ts';
import type { ParleyClient } from '../../../client/client.ts';
import type { LiveClient } from '../../../client/live-client.ts';
import type { PendingMessage } from '../../../client/pending.ts';
import type { MessageLine } from '../../../client/reader.ts';
import type { PersonPresenceJson } from '../../../protocol/http/presence.ts';
import type { AccountName, RoomId } from '../../../protocol/ids.ts';
import type { ParleyError } from '../../../protocol/errors.ts';

/** Resolving somebody who was never met takes a node. */
const RESOLVE_MS_MAX = 15_000;

export interface ChatListener {
  /** Something that is shown is not as it was. */
  changed(): void;
  /** Messages that were written while this runs. */
  arrived(lines: readonly MessageLine[]): void;
  /** A text that cannot be sent as it is goes back to where it was typed. */
  givenBack(room: RoomId, text: string): void;
}

/** The engine, and what is of the moment around it. */
export class Chat {
  readonly client: ParleyClient;
  readonly notices: Notices;
  readonly typists: Typists;
  readonly drafts: DraftTexts;
  readonly #listener: ChatListener;
  readonly #presences = new Map<string, PersonPresenceJson>();
  #live!: LiveClient;
  #watched = '';

  private constructor(client: ParleyClient, listener: ChatListener) {
    this.client = client;
    this.#listener = listener;
    this.notices = new Notices(() => listener.changed());
    this.typists = new Typists(() => listener.changed());
    this.drafts = new DraftTexts(client.drafts, (error) => this.notices.failed(error));
  }

  /** @throws ParleyError `unauthenticated` where nobody is enrolled */
  static async open(client: ParleyClient, listener: ChatListener): Promise<Chat> {
    const chat = new Chat(client, listener);
    chat.#live = await client.live('online', {
      changed: () => chat.#changed(),
      arrived: (lines) => chat.#arrived(lines),
      typing: (typing) => chat.typists.told(typing),
      presence: (people) => chat.#told(people),
      happened: () => listener.changed(),
      refused: (message, reason) => chat.#refused(message, reason),
    });
    await chat.drafts.open();
    return chat;
  }

  get live(): LiveClient {
    return this.#live;
  }

  get own(): AccountName {
    return this.#live.own.account;
  }

  presenceOf(name: string | null): PersonPresenceJson | null {
    return name === null ? null : (this.#presences.get(name) ?? null);
  }

  /** @returns false where it was not even taken down; the reason is shown */
  async post(work: (options: { timeoutMs: number; later: true }) => Promise<unknown>): Promise<boolean> {
    const isTaken = await this.ask(() => work({ timeoutMs: RESOLVE_MS_MAX, later: true }));
    if (isTaken) this.#live.send();
    return isTaken;
  }

  /** Runs what a node has to do now; a failure is shown. @returns whether it was done */
  async ask(work: () => Promise<unknown>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      this.notices.failed(error);
      return false;
    }
  }

  #changed(): void {
    this.#watchDirects();
    this.#listener.changed();
  }

  /** Hears how the others in direct rooms are. */
  #watchDirects(): void {
    const directs = [...this.#live.rooms.values()].flatMap(({ kind, room, name }) =>
      kind === 'direct' && name !== null ? [{ room, account: name as AccountName }] : [],
    );
    const watched = directs.map(({ account }) => account).join();
    if (watched === this.#watched) return;
    this.#watched = watched;
    this.#live.signals.watch(directs);
  }

  #arrived(lines: readonly MessageLine[]): void {
    for (const line of lines) this.typists.wrote(line.room, line.from);
    this.#listener.arrived(lines);
  }

  #told(people: readonly PersonPresenceJson[]): void {
    for (const person of people) this.#presences.set(person.account, person);
    this.#listener.changed();
  }

  #refused({ content, room }: PendingMessage, reason: ParleyError): void {
    if (content.type === 'text' || content.type === 'edit') this.#listener.givenBack(room, content.text);
    this.notices.failed(reason);
  }
}
