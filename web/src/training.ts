import { byId, report } from "./dom.ts";

/** What one training on the page consists of. */
export interface Training {
  /** Of the whole run. */
  readonly steps: number;
  /** Begins anew. */
  readonly reset: () => Promise<void>;
  /** Takes step i, from 0. */
  readonly step: (i: number) => Promise<void>;
  /** Shows where training is. */
  readonly show: () => Promise<void> | void;
  readonly download: () => Promise<void>;
}

/** How long a slice of steps goes on before the page gets a turn, in milliseconds. */
const SLICE = 24;

/** The buttons of a training: start, pause and resume in one, begin again, download.
 * @param name the prefix of their ids */
export function controlTraining(name: string, training: Training): void {
  const error = byId("error", HTMLParagraphElement);
  const start = byId(`${name}-start`, HTMLButtonElement);
  const again = byId(`${name}-again`, HTMLButtonElement);
  const save = byId(`${name}-save`, HTMLButtonElement);
  const progress = byId(`${name}-progress`, HTMLProgressElement);
  const says = byId(`${name}-says`, HTMLParagraphElement);
  progress.max = training.steps;
  let done = 0;
  let wanted = false;
  let busy = false;

  const tell = (words: string) => {
    progress.value = done;
    const over = done === training.steps;
    start.textContent = over ? "Done" : wanted ? "Pause" : done === 0 ? "Train" : "Resume";
    start.disabled = over;
    again.disabled = done === 0;
    save.disabled = done === 0;
    says.textContent = words;
    document.body.dataset[name] = words;
  };

  const go = async () => {
    if (busy) return;
    busy = true;
    try {
      if (done === 0) {
        tell("Loading …");
        await training.reset();
      }
      while (wanted && done < training.steps) {
        const until = performance.now() + SLICE;
        while (wanted && done < training.steps && performance.now() < until) {
          await training.step(done);
          done++;
        }
        await training.show();
        tell(`Step ${done} of ${training.steps}`);
        await new Promise(requestAnimationFrame);
      }
      wanted = false;
      tell(done === training.steps ? `Done: ${done} steps` : `Paused after ${done} steps`);
    } catch (problem) {
      wanted = false;
      tell("Stopped");
      report(error, problem);
    } finally {
      busy = false;
    }
  };

  start.addEventListener("click", () => {
    wanted = !wanted;
    void go();
  });
  again.addEventListener("click", async () => {
    wanted = false;
    while (busy) await new Promise(requestAnimationFrame);
    done = 0;
    await training.reset().catch((problem) => report(error, problem));
    await training.show();
    tell("Not trained yet");
  });
  save.addEventListener("click", () => {
    training.download().catch((problem) => report(error, problem));
  });
  tell("Not trained yet");
}
