/** What a node wrote about leadership in its last life, which ended in good order. */
export interface LeadershipAtStop {
  /** It led when it was told to stop. */
  readonly led: boolean;
  /** It led no longer when it ended, though it was still there: somebody else had been asked to take over. */
  readonly handedOver: boolean;
}

interface LogLine {
  readonly msg: string;
  readonly leader?: string | null;
}

/** @param log all that `node` ever logged, as JSON lines among other text */
export function leadershipAtStop(log: string, node: string): LeadershipAtStop {
  const lines = log.split('\n').flatMap(lineOf);
  const stop = lines.findLastIndex(({ msg }) => msg === 'stopping');
  if (stop < 0) throw new Error(`${node} was not told to stop`);
  const begin = lines.findLastIndex(({ msg }, at) => at < stop && msg === 'stopping') + 1;
  const leaders = (some: readonly LogLine[]): (string | null | undefined)[] =>
    some.flatMap(({ msg, leader }) => (msg === 'leader changed' ? [leader] : []));
  const led = leaders(lines.slice(begin, stop)).at(-1) === node;
  return { led, handedOver: led && leaders(lines.slice(stop)).some((leader) => leader !== node) };
}

function lineOf(text: string): LogLine[] {
  if (!text.startsWith('{')) return [];
  return [JSON.parse(text) as LogLine];
}
