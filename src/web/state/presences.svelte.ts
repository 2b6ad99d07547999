import type { PersonPresenceJson } from '../../protocol/http/presence.ts';

/** How people are who are watched. */
export class Presences {
  #byName = $state.raw<ReadonlyMap<string, PersonPresenceJson>>(new Map());

  of(name: string | null): PersonPresenceJson | null {
    return name === null ? null : (this.#byName.get(name) ?? null);
  }

  told(people: readonly PersonPresenceJson[]): void {
    this.#byName = new Map([...this.#byName, ...people.map((person) => [person.account, person] as const)]);
  }
}
