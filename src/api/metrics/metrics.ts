import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { API_ROWS } from './api-rows.ts';
import { NODE_ROWS } from './node-rows.ts';
import { seconds } from './rows.ts';
import type { NodeMeasures } from '../../node/ports.ts';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { ApiMeasures } from './api-rows.ts';
import type { Row } from './rows.ts';

/** From a fast SSD to a disk that is in trouble. */
const WRITE_SECONDS = [0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const REQUEST_SECONDS = [0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/**
 * The metrics of one node in the form of Prometheus. What happens often is counted by the parts that do it and read
 * at a scrape; only requests, the ends of sockets and writes of the log are told here as they happen.
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #logWrites: Histogram;
  readonly #requests: Counter<'method' | 'route' | 'status'>;
  readonly #requestSeconds: Histogram<'method' | 'route'>;
  readonly #socketEnds: Counter<'code'>;
  readonly #readNode: (measures: NodeMeasures) => void;
  readonly #readApi: (measures: ApiMeasures) => void;

  constructor() {
    const registers = [this.#registry];
    this.#readNode = readerOf(NODE_ROWS, registers);
    this.#readApi = readerOf(API_ROWS, registers);
    this.#logWrites = new Histogram({
      name: 'parley_log_write_duration_seconds',
      help: 'Writes of the log, until they are on disk (fsync included).',
      buckets: WRITE_SECONDS,
      registers,
    });
    this.#requests = new Counter({
      name: 'parley_http_requests_total',
      help: 'Requests that were answered, by route and status.',
      labelNames: ['method', 'route', 'status'],
      registers,
    });
    this.#requestSeconds = new Histogram({
      name: 'parley_http_request_duration_seconds',
      help: 'Requests, from their head to the end of the answer.',
      labelNames: ['method', 'route'],
      buckets: REQUEST_SECONDS,
      registers,
    });
    this.#socketEnds = new Counter({
      name: 'parley_sockets_ended_total',
      help: 'WebSockets that this node ended, by the error code that it gave.',
      labelNames: ['code'],
      registers,
    });
  }

  readonly logWritten = (durationMs: number): void => {
    this.#logWrites.observe(seconds(durationMs));
  };

  /** @param route as it is declared, so that there are as many as there are routes */
  answered(request: { readonly method: string; readonly route: string }, status: number, durationMs: number): void {
    const { method, route } = request;
    this.#requests.inc({ method, route, status });
    this.#requestSeconds.observe({ method, route }, seconds(durationMs));
  }

  socketEnded(code: ErrorCode): void {
    this.#socketEnds.inc({ code });
  }

  /** The text that Prometheus reads, of what is measured right now. */
  async text(node: NodeMeasures, api: ApiMeasures): Promise<string> {
    this.#readNode(node);
    this.#readApi(api);
    return this.#registry.metrics();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }
}

/** Registers all rows, and returns what brings them up to date. */
function readerOf<M>(rows: readonly Row<M>[], registers: Registry[]): (measures: M) => void {
  const readers = rows.map(({ name, kind, help, label, read }) => {
    const options = { name, help, labelNames: label === undefined ? [] : [label], registers };
    const metric = kind === 'gauge' ? new Gauge(options) : new Counter(options);
    return (measures: M): void => {
      const value = read(measures);
      metric.reset();
      // What cannot be said now is left out, rather than said to be 0.
      if (value === null) metric.remove();
      else if (typeof value === 'number') metric.inc(value);
      else for (const [key, one] of value) metric.inc({ [label!]: key }, one);
    };
  });
  return (measures) => {
    for (const update of readers) update(measures);
  };
}
