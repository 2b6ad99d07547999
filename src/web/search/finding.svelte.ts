import type { SearchHit } from '../../client/search/find-in-room.ts';
import type { RoomId } from '../../protocol/ids.ts';
import type { ParleyClient } from '../../client/client.ts';

/** Found and shown at a time. */
const PAGE_HITS = 30;

/** A search that goes on as people ask for more; it outlives its screen, so that one comes back to what one found. */
export class Finding {
  query = $state('');
  room = $state<RoomId | null>(null);
  #hits = $state.raw<readonly SearchHit[]>([]);
  #isBusy = $state(false);
  #hasMore = $state(false);
  /** What the hits are of; null before anything was looked for. */
  #found = $state.raw<string | null>(null);
  #running: AsyncGenerator<SearchHit> | null = null;
  #stopping = new AbortController();

  get hits(): readonly SearchHit[] {
    return this.#hits;
  }

  get isBusy(): boolean {
    return this.#isBusy;
  }

  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** Whether everything was looked through, and nothing is there. */
  get isEmpty(): boolean {
    return this.#found !== null && !this.#isBusy && this.#hits.length === 0;
  }

  /**
   * Looks for what is typed now; what was found before stays until the first of it is there.
   * @param check asks nodes whether what is found still stands
   */
  async start({ search }: ParleyClient, check: boolean): Promise<void> {
    const wanted = `${this.room ?? ''} ${this.query.trim()}`;
    if (wanted === this.#found) return;
    this.#stopping.abort();
    this.#stopping = new AbortController();
    this.#found = null;
    this.#hasMore = false;
    if (!search.isSearchable(this.query)) {
      this.#hits = [];
      return;
    }
    this.#found = wanted;
    const options = {
      room: this.room ?? undefined,
      check,
      signal: this.#stopping.signal,
    };
    this.#running = search.find(this.query, options);
    await this.#take([]);
  }

  async more(): Promise<void> {
    if (!this.#isBusy) await this.#take(this.#hits);
  }

  async #take(before: readonly SearchHit[]): Promise<void> {
    const [running, { signal }] = [this.#running, this.#stopping];
    if (running === null) return;
    this.#isBusy = true;
    try {
      const hits: SearchHit[] = [];
      while (hits.length < PAGE_HITS) {
        const { value, done } = await running.next();
        if (signal.aborted) return;
        if (done === true) break;
        hits.push(value);
      }
      this.#hits = [...before, ...hits];
      this.#hasMore = hits.length === PAGE_HITS;
    } finally {
      if (!signal.aborted) this.#isBusy = false;
    }
  }
}
