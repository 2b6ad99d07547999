import { blocked, blocks, deviceNamed, peopleFound, profileOf, profileSet, sessionEnded, sessions } from './answers.ts';
import { checkedName } from './own-identity.ts';
import type { BlockJson, PersonJson, ProfileJson } from '../protocol/http/people.ts';
import type { SessionJson } from '../protocol/http/schemas.ts';
import type { ClientContext } from './context.ts';

const CALL_MS_MAX = 30_000;

/** People as they show themselves, whom one blocks, and where one is logged in. What is said here nodes see. */
export class Directory {
  readonly #context: ClientContext;

  constructor(context: ClientContext) {
    this.#context = context;
  }

  /** @param name without it, one's own */
  async profile(name?: string): Promise<ProfileJson> {
    const whose = name === undefined ? (await this.#context.own()).row.name : checkedName(name);
    return this.#context.read(`/v1/accounts/${whose}/profile`, profileOf(whose), CALL_MS_MAX);
  }

  /** What is not given stays; an empty text is none. */
  async setProfile(change: { readonly displayName?: string; readonly status?: string }): Promise<void> {
    const body = { ...change, txnId: this.#context.newTxnId() };
    await this.#context.write({ method: 'PATCH', path: '/v1/profile', body, answer: profileSet }, CALL_MS_MAX);
  }

  /** Whose name, or a word of whose display name, begins like this. */
  async *search(query: string): AsyncGenerator<PersonJson> {
    const path = `/v1/people?query=${encodeURIComponent(query)}`;
    for (let after = ''; ;) {
      const { people, next } = await this.#context.readAny(`${path}${after}`, peopleFound, CALL_MS_MAX);
      yield* people;
      if (next === null) return;
      after = `&after=${next}`;
    }
  }

  /** Takes no direct messages and invitations of somebody, or takes them again. */
  async setBlock(name: string, isBlocked: boolean): Promise<void> {
    const path = `/v1/blocks/${checkedName(name)}`;
    const txnId = this.#context.newTxnId();
    const answer = blocked(checkedName(name));
    await this.#context.write(
      isBlocked
        ? { method: 'PUT', path, body: { txnId }, answer }
        : { method: 'DELETE', path: `${path}?txnId=${txnId}`, answer },
      CALL_MS_MAX,
    );
  }

  async *blocked(): AsyncGenerator<BlockJson> {
    for (let path = '/v1/blocks'; ;) {
      const page = await this.#context.read(path, blocks, CALL_MS_MAX);
      yield* page.blocks;
      if (page.next === null) return;
      path = `/v1/blocks?after=${page.next}`;
    }
  }

  /** Where the account is logged in, as the whole cluster knows it. */
  async sessions(): Promise<readonly SessionJson[]> {
    return (await this.#context.readNewest('/v1/sessions', sessions, CALL_MS_MAX)).sessions;
  }

  /** Ends a session of the own account; its live feeds end on every node. */
  async endSession(session: string): Promise<void> {
    const path = `/v1/sessions/${encodeURIComponent(session)}?txnId=${this.#context.newTxnId()}`;
    await this.#context.session.call({ method: 'DELETE', path, answer: sessionEnded }, CALL_MS_MAX);
  }

  /** Its sessions end with it, nothing more is encrypted for it, and its key never comes back. */
  async revokeDevice(device: string): Promise<void> {
    const path = `/v1/devices/${encodeURIComponent(device)}?txnId=${this.#context.newTxnId()}`;
    await this.#context.session.call({ method: 'DELETE', path, answer: deviceNamed(device) }, CALL_MS_MAX);
  }
}
