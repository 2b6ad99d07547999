import { leading, span } from '../screen/line.ts';
import type { SyncState } from '../../../client/sync-states.ts';
import type { Line } from '../screen/line.ts';
import type { Style } from '../screen/style.ts';

export interface StatusParts {
  readonly own: string;
  readonly state: SyncState;
  /** The URL of the node that this device hears from. */
  readonly endpoint: string | null;
  /** Another node than before has taken over a moment ago. */
  readonly hasMoved: boolean;
  /** Why nothing more comes; null while something may. */
  readonly ended: string | null;
  readonly waiting: number;
  /** Why what waits was not sent although it was tried. */
  readonly stuck: string | null;
}

/** Who one is, the node one is on, and what is not as it should be: in a calm voice. */
export function statusLine(parts: StatusParts, width: number): Line {
  const { waiting, stuck } = parts;
  const [text, style] = connectionText(parts);
  const why = stuck === null ? '' : ` (${stuck})`;
  const queue = waiting === 0 ? '' : ` · ${waiting} ${waiting === 1 ? 'message waits' : 'messages wait'}${why}`;
  const left: Line = [span(` ${parts.own} `, 'bar'), span(' '), span(text, style), span(queue, 'warn')];
  return leading(left, [span(' F1 help ', 'soft')], width);
}

function connectionText({ state, endpoint, hasMoved, ended }: StatusParts): readonly [string, Style] {
  const node = endpoint === null ? '' : hostOf(endpoint);
  switch (state) {
    case 'live':
      return hasMoved ? [`● ${node}, another node than before`, 'accent'] : [`● ${node}`, 'good'];
    case 'idle':
    case 'connecting':
      return ['○ connecting …', 'soft'];
    case 'reconnecting':
      return ['○ looking for another node …', 'warn'];
    case 'offline':
      return ['○ offline: what you write is kept and sent later', 'warn'];
    case 'ended':
      break;
  }
  return [`× this device is not let in any more${ended === null ? '' : `: ${ended}`}`, 'danger'];
}

/** `127.0.0.1:8081`; the whole text where it is no URL. */
function hostOf(endpoint: string): string {
  return URL.canParse(endpoint) ? new URL(endpoint).host : endpoint;
}
