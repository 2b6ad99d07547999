import { seconds } from './rows.ts';
import type { Row } from './rows.ts';

/** What the API of a node can say in numbers, beside what it counts as it goes. */
export interface ApiMeasures {
  readonly version: string;
  readonly webSockets: number;
  readonly sentEvents: number;
  /** Bytes that wait for the readers of WebSockets. */
  readonly queuedBytes: number;
  /** People who are watched, each counted for each WebSocket. */
  readonly presenceWatches: number;
  readonly queues: Readonly<Record<string, number>>;
}

const PROCESS_STARTED_SECONDS = seconds(performance.timeOrigin);
const MICROSECONDS_PER_SECOND = 1e6;

/** Sockets, queues and the process. docs/METRICS.md says how to read them. */
export const API_ROWS: readonly Row<ApiMeasures>[] = [
  {
    name: 'parley_build_info',
    kind: 'gauge',
    help: 'Always 1; the version of the program is its label.',
    label: 'version',
    read: ({ version }) => [[version, 1]],
  },
  {
    name: 'parley_feeds',
    kind: 'gauge',
    help: 'Live feeds that are open: WebSockets, and streams of server-sent events.',
    label: 'kind',
    read: ({ webSockets, sentEvents }) => [
      ['websocket', webSockets],
      ['sent-events', sentEvents],
    ],
  },
  {
    name: 'parley_socket_queued_bytes',
    kind: 'gauge',
    help: 'Bytes that wait for the readers of WebSockets.',
    read: ({ queuedBytes }) => queuedBytes,
  },
  {
    name: 'parley_presence_watches',
    kind: 'gauge',
    help: 'People whose presence is watched, each counted for each WebSocket.',
    read: ({ presenceWatches }) => presenceWatches,
  },
  {
    name: 'parley_queue_length',
    kind: 'gauge',
    help: 'What waits in the node, by queue.',
    label: 'queue',
    read: ({ queues }) => Object.entries(queues),
  },
  {
    name: 'process_cpu_seconds_total',
    kind: 'counter',
    help: 'Processor time of the process.',
    read: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / MICROSECONDS_PER_SECOND;
    },
  },
  {
    name: 'process_resident_memory_bytes',
    kind: 'gauge',
    help: 'Memory of the process.',
    read: () => process.memoryUsage.rss(),
  },
  {
    name: 'process_start_time_seconds',
    kind: 'gauge',
    help: 'When the process started, in seconds since the epoch.',
    read: () => PROCESS_STARTED_SECONDS,
  },
  {
    name: 'nodejs_heap_size_used_bytes',
    kind: 'gauge',
    help: 'JavaScript heap in use.',
    read: () => process.memoryUsage().heapUsed,
  },
];
