/** Whether the backend in memory is part of the build: in development and tests, never in the product. */
declare const __MOCK__: boolean;
