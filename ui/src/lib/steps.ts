// The sign-in's steps, put under the part of the journey they belong to.

import type { Stage, Step } from "./bindings";

export type StageGroup = { stage: Stage; steps: Step[]; ok: boolean };

/** In the order they happened; a stage that comes again is a new group. */
export function groupedByStage(steps: readonly Step[]): StageGroup[] {
  const groups: StageGroup[] = [];
  for (const step of steps) {
    const last = groups.at(-1);
    if (last?.stage === step.stage) last.steps.push(step);
    else groups.push({ stage: step.stage, steps: [step], ok: true });
  }
  return groups.map((group) => ({ ...group, ok: isOk(group) }));
}

/** A 401 is what a challenge consists of; elsewhere the last answer counts, since earlier ones may have been fallen back from. */
function isOk({ stage, steps }: StageGroup): boolean {
  const status = steps.at(-1)?.status ?? null;
  return stage === "challenge" || status === null || status < 400;
}

/** For whoever runs the server: the evidence as plain text. */
export function asReport(steps: readonly Step[]): string {
  return steps
    .map(({ at, stage, request, status, decision, rule }) =>
      [at, stage, request, status, decision, rule && `(${rule})`].filter((part) => part !== null).join("  "),
    )
    .join("\n");
}
