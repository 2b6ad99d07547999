import { isRoomId } from '../../protocol/ids.ts';
import type { RoomId } from '../../protocol/ids.ts';

/** Where in the app somebody is, as its address tells. */
export type Place =
  | { readonly at: 'home' }
  | { readonly at: 'room'; readonly room: RoomId; readonly seq: number | null }
  | { readonly at: 'search'; readonly room: RoomId | null }
  | { readonly at: 'people'; readonly name: string | null }
  | { readonly at: 'settings' }
  | { readonly at: 'join'; readonly link: string }
  | { readonly at: 'cluster' };

export function placeOf({ pathname, hash }: Pick<URL, 'pathname' | 'hash'>): Place {
  const [first = '', second = '', third = ''] = pathname.split('/').slice(1);
  if (first === 'r' && isRoomId(second)) {
    return { at: 'room', room: second, seq: /^[1-9][0-9]{0,15}$/.test(third) ? Number(third) : null };
  }
  if (first === 'search') return { at: 'search', room: isRoomId(second) ? second : null };
  if (first === 'people') return { at: 'people', name: second === '' ? null : decodeURIComponent(second) };
  if (first === 'settings') return { at: 'settings' };
  // Behind the #, so that no node sees the secret that lets somebody in.
  if (first === 'join') return { at: 'join', link: decodeURIComponent(hash.slice(1)) };
  if (first === 'cluster') return { at: 'cluster' };
  return { at: 'home' };
}

export function pathOf(place: Place): string {
  switch (place.at) {
    case 'home':
      return '/';
    case 'room':
      return place.seq === null ? `/r/${place.room}` : `/r/${place.room}/${place.seq}`;
    case 'people':
      return place.name === null ? '/people' : `/people/${encodeURIComponent(place.name)}`;
    case 'search':
      return place.room === null ? '/search' : `/search/${place.room}`;
    case 'join':
      return `/join#${encodeURIComponent(place.link)}`;
    case 'settings':
    case 'cluster':
      break;
  }
  return `/${place.at}`;
}

class Router {
  #place = $state.raw<Place>(placeOf(location));

  constructor() {
    addEventListener('popstate', () => (this.#place = placeOf(location)));
    addEventListener('hashchange', () => (this.#place = placeOf(location)));
  }

  get place(): Place {
    return this.#place;
  }

  go(place: Place, how: 'push' | 'replace' = 'push'): void {
    const path = pathOf(place);
    if (how === 'replace' || path === location.pathname + location.hash) history.replaceState(null, '', path);
    else history.pushState(null, '', path);
    this.#place = place;
  }
}

export const router = new Router();

export const toRoom = (room: RoomId, seq: number | null = null): void => router.go({ at: 'room', room, seq });
