import { compareOutput } from './compare.ts';
import { ConfChangeScenario } from './confchange-commands.ts';
import { parseScenario, type Stanza } from './datadriven.ts';
import { ScenarioSyntaxError } from './directive.ts';
import { Interaction } from './interaction.ts';
import { isInteractionCommand, runInteractionCommand } from './interaction-commands.ts';
import { runQuorumCommand } from './quorum-commands.ts';

export interface ScenarioOptions {
  /** Compare everything but log lines, instead of only what the peers did. */
  readonly strict?: boolean;
}

export type ScenarioResult =
  | { readonly passed: true; readonly stanzas: number }
  /** `problem` is a readable description of the first difference, over several lines. */
  | { readonly passed: false; readonly problem: string };

const failed = (problem: string): ScenarioResult => ({ passed: false, problem });

/** Runs the text of a scenario file. Its kind shows in its commands; they may even be mixed. */
export const runScenario = (text: string, options: ScenarioOptions = {}): ScenarioResult => {
  let stanzas: Stanza[];
  try {
    stanzas = parseScenario(text);
  } catch (error) {
    if (error instanceof ScenarioSyntaxError) return failed(error.message);
    throw error;
  }
  if (stanzas.length === 0) return failed('there is no command in it');
  const run = stanzaRunner();
  for (const stanza of stanzas) {
    if (stanza.command === 'subtest') continue;
    const problem = runStanza(stanza, run, options.strict ?? false);
    if (problem !== undefined) return failed(problem);
  }
  return { passed: true, stanzas: stanzas.length };
};

type StanzaRunner = (stanza: Stanza) => string;

const UNKNOWN_COMMAND = 'unknown command';

const stanzaRunner = (): StanzaRunner => {
  const interaction = new Interaction();
  const confChange = new ConfChangeScenario();
  return (stanza) => {
    switch (stanza.command) {
      case 'committed':
      case 'vote':
        return runQuorumCommand(stanza);
      case 'simple':
      case 'enter-joint':
      case 'leave-joint':
        return confChange.run(stanza);
      default:
        if (isInteractionCommand(stanza.command)) return runInteractionCommand(interaction, stanza);
        return UNKNOWN_COMMAND;
    }
  };
};

const runStanza = (stanza: Stanza, run: StanzaRunner, strict: boolean): string | undefined => {
  const where = `line ${stanza.line}: ${stanza.command}`;
  let actual: string;
  try {
    actual = run(stanza);
  } catch (error) {
    return `${where}\n  threw ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`;
  }
  if (actual === UNKNOWN_COMMAND && stanza.expected.trim() !== UNKNOWN_COMMAND) {
    return `${where}\n  is no known command`;
  }
  const difference = compareOutput(stanza, actual, strict);
  if (difference === undefined) return undefined;
  return `${where}\n  expected: ${difference.expected}\n  actual:   ${difference.actual}`;
};
