/** What a node says at `/metrics`, taken apart: the text format of Prometheus, version 0.0.4. */
export interface Scrape {
  /** `gauge`, `counter` or `histogram`, by name. */
  readonly types: ReadonlyMap<string, string>;
  /** The value of one series, as `name{label="value"}`; undefined when there is none. */
  value(series: string): number | undefined;
  /** All series of a name added up. */
  sum(name: string): number;
}

export async function scrape(url: string, token: string): Promise<Scrape> {
  const response = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${token}` } });
  if (response.status !== 200) throw new Error(`/metrics answered ${response.status}`);
  return parseMetrics(await response.text());
}

export function parseMetrics(text: string): Scrape {
  const types = new Map<string, string>();
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    const sample = /^([a-z_]+(?:\{.*\})?) (\S+)$/.exec(line);
    if (type !== null) types.set(type[1]!, type[2]!);
    else if (sample !== null) values.set(sample[1]!, Number(sample[2]));
    else if (line !== '' && !line.startsWith('# HELP ')) throw new Error(`no line of metrics: ${line}`);
  }
  return {
    types,
    value: (series) => values.get(series),
    sum: (name) =>
      [...values].reduce(
        (sum, [series, value]) => (series === name || series.startsWith(`${name}{`) ? sum + value : sum),
        0,
      ),
  };
}
