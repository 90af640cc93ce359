/** Refusals as a directory expects them: RFC 7644 §3.12. */
import { AppError, ERRORS } from '@easel/schema/errors';

export type ScimType = 'invalidFilter' | 'invalidPath' | 'invalidSyntax' | 'invalidValue' | 'noTarget' | 'uniqueness';

/** What the caller has sent wrongly, with SCIM's own word for it. */
export class ScimError extends Error {
  readonly status: number;
  readonly scimType: ScimType | null;

  constructor(status: number, scimType: ScimType | null, detail: string) {
    super(detail);
    this.status = status;
    this.scimType = scimType;
  }
}

export const badRequest = (scimType: ScimType, detail: string) => new ScimError(400, scimType, detail);
export const noSuch = (what: string) => new ScimError(404, null, `there is no such ${what}`);

/** A bug is masked. */
export function errorBody(err: unknown): { status: number; body: Record<string, unknown> } {
  const { status, scimType, detail } = describe(err);
  return {
    status,
    body: {
      schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
      status: String(status),
      ...(scimType ? { scimType } : {}),
      detail,
    },
  };
}

function describe(err: unknown): { status: number; scimType: ScimType | null; detail: string } {
  if (err instanceof ScimError) return { status: err.status, scimType: err.scimType, detail: err.message };
  if (!(err instanceof AppError) || ERRORS[err.code].kind === 'bug') {
    return { status: 500, scimType: null, detail: 'internal error' };
  }
  const scimType = err.code === 'NAME_TAKEN' ? 'uniqueness' : err.code === 'INVALID_INPUT' ? 'invalidValue' : null;
  return { status: ERRORS[err.code].http, scimType, detail: err.message };
}
