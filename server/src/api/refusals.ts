/**
 * Refusals as types: each code of kind "refusal" is an object type that implements `Refusal`, and a member of the result
 * union of every mutation that names it. Trouble and bugs are GraphQL errors instead.
 */
import { AppError, ERRORS, type ErrorCode, type RefusalCode } from '@easel/schema/errors';
import { builder } from './builder.ts';

export const RefusalInterface = builder.interfaceRef<AppError>('Refusal').implement({
  description: 'Why something was not done. The person who asked can act on it.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'One of a closed table, the same on every transport.' }),
    message: t.exposeString('message', { description: 'What was expected, what came, and what to do.' }),
    details: t.expose('details', { type: 'JSON', description: 'For programs; its shape depends on the code.' }),
  }),
});

/**
 * The errors plugin finds a member by `instanceof`, and an `AppError` has a code instead of a class of its own: so each
 * class here recognises the errors of its code.
 */
function classOf(code: RefusalCode): typeof AppError {
  return class extends AppError {
    static override [Symbol.hasInstance](value: unknown): boolean {
      return value instanceof Error && 'code' in value && value.code === code;
    }
  };
}

const refusalCodes = (Object.keys(ERRORS) as ErrorCode[]).filter(
  (code): code is RefusalCode => ERRORS[code].kind === 'refusal',
);

const classes = Object.fromEntries(
  refusalCodes.map((code) => {
    const refusal = classOf(code);
    builder.objectType(refusal, {
      name: ERRORS[code].graphql,
      interfaces: [RefusalInterface],
      // The plugin has found the type by the code already; objects of these types are never anything else.
      isTypeOf: (value) => value instanceof refusal,
    });
    return [code, refusal];
  }),
) as Record<RefusalCode, typeof AppError>;

/** What any mutation of a user may give. */
const common = ['INVALID_INPUT', 'UNAUTHENTICATED', 'FORBIDDEN', 'RATE_LIMITED'] as const;

/** The `errors` of a mutation: these refusals besides those that every mutation may give. */
export function refusals(...codes: RefusalCode[]) {
  return { errors: { types: [...new Set<RefusalCode>([...common, ...codes])].map((code) => classes[code]) } };
}
