import { ConsensusError } from '../../consensus/errors.ts';
import { Changer, type Membership } from '../../consensus/membership/changer.ts';
import { readProgress } from '../../consensus/read-status.ts';
import { EMPTY_CONF_STATE, plus, ZERO_INDEX, type LogIndex } from '../../consensus/types.ts';
import { parseConfChangeSteps } from './conf-change-notation.ts';
import type { Stanza } from './datadriven.ts';
import { describeConfig, describeProgressList } from './describe.ts';
import { parseBoolean, ScenarioError } from './stanza-args.ts';

const LIMITS = { inflightMessagesMax: 10, inflightBytesMax: Number.POSITIVE_INFINITY };

/**
 * `simple`, `enter-joint [autoleave=true]` and `leave-joint`, applied one after the other to a
 * membership that is empty at first. Each stanza counts as one log entry.
 */
export class ConfChangeScenario {
  #membership: Membership = { confState: EMPTY_CONF_STATE, progress: new Map() };
  #lastIndex: LogIndex = ZERO_INDEX;

  run(stanza: Stanza): string {
    try {
      this.#membership = this.#apply(stanza);
    } catch (error) {
      if (error instanceof ConsensusError && error.code === 'invalid-conf-change') return `${error.message}\n`;
      if (error instanceof ScenarioError) return error.message;
      throw error;
    } finally {
      this.#lastIndex = plus(this.#lastIndex, 1);
    }
    const { confState, progress } = this.#membership;
    const peers = [...progress].toSorted(([a], [b]) => a - b).map(([id, one]) => readProgress(id, one));
    return `${describeConfig(confState)}\n${describeProgressList(peers)}`;
  }

  #apply({ command, args, input }: Stanza): Membership {
    const steps = parseConfChangeSteps(input);
    const changer = new Changer({ current: this.#membership, lastIndex: this.#lastIndex, limits: LIMITS });
    switch (command) {
      case 'simple':
        return changer.simple(steps);
      case 'enter-joint': {
        const autoLeave = args.find(({ key }) => key === 'autoleave')?.values[0] ?? 'false';
        return changer.enterJoint(parseBoolean(autoLeave), steps);
      }
      default:
        if (steps.length > 0) throw new ScenarioError('this command takes no input\n');
        return changer.leaveJoint();
    }
  }
}
