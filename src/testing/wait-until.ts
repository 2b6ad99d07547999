const POLL_MS = 5;

/** Resolves once the condition holds. Fails when it does not within `deadlineMs`, saying what was waited for. */
export async function waitUntil(
  condition: () => boolean | Promise<boolean>,
  deadlineMs = 20_000,
  what = condition.toString(),
): Promise<void> {
  const untilMs = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > untilMs) throw new Error(`Not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, POLL_MS);
    });
  }
}
