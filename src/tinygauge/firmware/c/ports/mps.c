/* A port to Arm's MPS2 and MPS3 prototyping boards as QEMU emulates them: start-up, the CMSDK UART,
 * and SysTick as clock. TG_MACHINE picks the board:
 *
 *   386  mps2-an386, Cortex-M4      505  mps2-an505, Cortex-M33 (secure state)
 *   500  mps2-an500, Cortex-M7      547  mps3-an547, Cortex-M55 (secure state)
 *
 * Addresses and clocks: Arm application notes AN386, AN500, AN505 and AN547 (memory maps), and
 * "Arm Cortex-M System Design Kit Technical Reference Manual" (DDI 0479), 4.3 "APB UART". System
 * registers: ARMv7-M Architecture Reference Manual (DDI 0403), B3.2.20 (CPACR), B3.3 (SysTick).
 */
#include <stddef.h>
#include <stdint.h>

#include "tg_harness.h"
#include "tg_port.h"

#if TG_MACHINE == 386 || TG_MACHINE == 500
#define UART_ADDRESS 0x40004000u
#define SYSTEM_HZ 25000000u
#elif TG_MACHINE == 505
#define UART_ADDRESS 0x50200000u
#define SYSTEM_HZ 20000000u
#elif TG_MACHINE == 547
#define UART_ADDRESS 0x59303000u
#define SYSTEM_HZ 32000000u
#else
#error "set TG_MACHINE to 386, 500, 505 or 547"
#endif

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define UART_DATA REGISTER(UART_ADDRESS + 0x00u)
#define UART_STATE REGISTER(UART_ADDRESS + 0x04u)
#define UART_CONTROL REGISTER(UART_ADDRESS + 0x08u)
#define UART_DIVIDER REGISTER(UART_ADDRESS + 0x10u)
#define UART_TX_FULL 1u
#define UART_RX_FULL 2u
#define UART_ENABLE 3u /* transmit and receive */

#define SYSTICK_CONTROL REGISTER(0xE000E010u)
#define SYSTICK_RELOAD REGISTER(0xE000E014u)
#define SYSTICK_VALUE REGISTER(0xE000E018u)
#define SYSTICK_ENABLE 7u /* count, interrupt, processor clock */

#define CPACR REGISTER(0xE000ED88u)

enum { BAUD = 115200 };

/* SysTick counts down over 24 bits; a period of half a second fits at every clock above. */
#define TICKS_PER_PERIOD (SYSTEM_HZ / 2u)
#define TICKS_PER_MICROSECOND (SYSTEM_HZ / 1000000u)

static volatile uint32_t periods;

int tg_port_read(void)
{
    while ((UART_STATE & UART_RX_FULL) == 0) {
    }
    return (int)(UART_DATA & 0xFFu);
}

void tg_port_write(uint8_t byte)
{
    while ((UART_STATE & UART_TX_FULL) != 0) {
    }
    UART_DATA = byte;
}

uint64_t tg_port_microseconds(void)
{
    uint32_t before;
    uint32_t left;
    do { /* again where a period ended in between */
        before = periods;
        left = SYSTICK_VALUE;
    } while (before != periods);
    const uint64_t ticks = (uint64_t)before * TICKS_PER_PERIOD + (TICKS_PER_PERIOD - 1u - left);
    return ticks / TICKS_PER_MICROSECOND;
}

#ifdef TG_ENERGY
/* No pin to pull: an emulator has no energy monitor. */
void tg_port_timestamp_pulse(void)
{
}
#endif

static void start_clock(void)
{
    SYSTICK_RELOAD = TICKS_PER_PERIOD - 1u;
    SYSTICK_VALUE = 0;
    SYSTICK_CONTROL = SYSTICK_ENABLE;
}

static void start_uart(void)
{
    UART_DIVIDER = SYSTEM_HZ / BAUD;
    UART_CONTROL = UART_ENABLE;
}

/* --- start-up ------------------------------------------------------------------------------ */

/* Of the linker script: where initial values of variables lie in the image, where they belong,
 * what starts as zero, and the top of the stack. */
extern uint32_t tg_data_image[], tg_data_start[], tg_data_end[];
extern uint32_t tg_bss_start[], tg_bss_end[];
extern uint32_t tg_stack_top[];

void tg_reset(void);

static void on_systick(void)
{
    periods = periods + 1u;
}

static void halt(void)
{
    for (;;) {
    }
}

/* A fault, or an interrupt nobody asked for: say so, and stop where a debugger finds it. The number
 * is that of the exception: 3 is a hard fault. */
static void crash(void)
{
    uint32_t exception;
    __asm volatile("mrs %0, ipsr" : "=r"(exception));
    for (const char *text = "e-[The firmware crashed: exception "; *text != '\0'; text++) {
        tg_port_write((uint8_t)*text);
    }
    tg_port_write((uint8_t)('0' + exception / 10u % 10u));
    tg_port_write((uint8_t)('0' + exception % 10u));
    for (const char *text = "]\r\n"; *text != '\0'; text++) {
        tg_port_write((uint8_t)*text);
    }
    halt();
}

typedef void (*handler)(void);

static const struct {
    uint32_t *stack_top;
    handler handlers[15];
} vectors __attribute__((section(".vectors"), used)) = {
    tg_stack_top,
    {tg_reset, crash, crash, crash, crash, crash, NULL, NULL, NULL, NULL, crash, crash, NULL, crash,
     on_systick},
};

/* No floating point before the unit is on, hence none in this function. */
__attribute__((noreturn)) void tg_reset(void)
{
    CPACR |= 0xFu << 20; /* full access to coprocessors 10 and 11, the floating-point unit */
    __asm volatile("dsb\n\tisb" ::: "memory");
    for (uint32_t *to = tg_data_start, *from = tg_data_image; to < tg_data_end; to++, from++) {
        *to = *from;
    }
    for (uint32_t *to = tg_bss_start; to < tg_bss_end; to++) {
        *to = 0;
    }
    start_clock();
    start_uart();
    tg_run();
    halt();
    __builtin_unreachable();
}
