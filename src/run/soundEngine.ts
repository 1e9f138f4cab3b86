import { listOfTexts, shown, type OptionRule } from "../model/checkOptions.ts";
import type { Engine, World } from "../model/engine.ts";
import { anObject, listOfObjects, mistakesInClaims, mistakesInCommand, mistakesInServices } from "../model/engineRules.ts";
import { HarnessError } from "../model/harnessError.ts";
import type { Service, Services } from "../model/service.ts";
import { asMistake } from "./asMistake.ts";
import { mistakesIn } from "./mistakes.ts";

/** What is wrong with something that a function has given. */
type Look = (given: unknown) => readonly string[];

/** What functions of an engine have to give. */
const looks: Readonly<Partial<Record<keyof Engine, Look>>> = {
  configuredFeatures: by(listOfTexts),
  claims: mistakesInClaims,
  services: mistakesInServices,
  staysFull: by(listOfObjects),
  cacheRoom: by(listOfObjects),
  keepsOutside: by(listOfObjects),
  simulatedWithout: by(listOfTexts),
  simulation: by(anObject),
};

/**
 * An engine whose functions are looked at, as nothing need have type-checked an author's own: what one throws, or gives that it should not, is
 * told as a mistake, under its name. Errors in our own words are thrown on as they are.
 */
export function soundEngine(name: string, engine: Engine): Engine {
  const prefix = `engine ${name}:`;
  const { services, launch, info, inner, ...rest } = lookedAt(engine, looks, prefix);
  return {
    ...rest,
    launch: lookedAt(launch, { command: mistakesInCommand }, prefix),
    ...(services === undefined ? {} : { services: (world) => soundServices(services(world), prefix) }),
    ...(info === undefined ? {} : { info: info.map((question) => lookedAt(question, { facts: by(anObject) }, `${prefix} info's`)) }),
    ...(inner === undefined ? {} : { inner: soundEngine(name, inner) }),
  };
}

function soundServices(services: Services, prefix: string): Services {
  return Object.fromEntries(
    Object.entries(services).map(([label, service]) => [label, soundService(service, `${prefix} service ${label}'s`)]),
  );
}

function soundService(service: Service, prefix: string): Service {
  return {
    ...service,
    launch: lookedAt(service.launch, { command: mistakesInCommand }, prefix),
    needs: soundServices(service.needs, prefix),
  };
}

/** Everything that an engine says of itself, asked beforehand; of one that is simulated only what is said of that, too. */
export function mistakesInWhatItSays(engine: Engine, world: World, isSimulated: boolean): readonly HarnessError[] {
  const always = [engine.configuredFeatures, engine.claims];
  const others = isSimulated ? [engine.simulatedWithout] : [engine.services, engine.staysFull, engine.cacheRoom, engine.keepsOutside];
  // A server need not answer a question, so each must take an answer that is none.
  const answers = isSimulated
    ? []
    : (engine.info ?? []).map(
        ({ facts }) =>
          () =>
            facts({}),
      );
  const mistakes = [...[...always, ...others].map((say) => () => say?.(world)), ...answers].flatMap(mistakesIn);
  // What is wrong with a file may be told by several of them.
  return [...new Map(mistakes.map((mistake) => [mistake.message, mistake])).values()];
}

/** The same, with these of its functions looked at. */
function lookedAt<Whole extends object>(whole: Whole, looks: Readonly<Record<string, Look>>, prefix: string): Whole {
  const looked = Object.entries(looks).flatMap(([member, look]) => {
    const make: unknown = Reflect.get(whole, member);
    if (typeof make !== "function") return [];
    return [[member, (...given: readonly unknown[]) => sound(`${prefix} ${member}()`, look, () => Reflect.apply(make, whole, given))]];
  });
  return { ...whole, ...Object.fromEntries(looked) };
}

function sound(what: string, look: Look, make: () => unknown): unknown {
  const given = made(what, make);
  const mistakes = look(given);
  if (mistakes.length === 0) return given;
  if (given instanceof Promise) given.catch(() => {}); // its failure is not the news: that it is a promise is
  throw new HarnessError("usage", `${what} gives what it should not: ${mistakes.join("; ")}`, {
    hint: "docs/engines.md says what an engine is",
  });
}

function made(what: string, make: () => unknown): unknown {
  try {
    return make();
  } catch (error) {
    throw error instanceof HarnessError ? error : asMistake(what, error);
  }
}

function by(rule: OptionRule): Look {
  return (given) => {
    const wrong = rule(given);
    return wrong === undefined ? [] : [`it ${wrong}, not ${shown(given)}`];
  };
}
