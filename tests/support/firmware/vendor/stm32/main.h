/* What ports/stm32.c uses of STM32Cube's HAL and of CMSIS: declarations only, as documented in ST's
 * UM1884, "HAL UART Generic Driver", and Arm's CMSIS-Core. */
#ifndef MAIN_H
#define MAIN_H

#include <stdint.h>

typedef struct { volatile uint32_t CR1, CR2, CR3, BRR, ISR, RDR, TDR; } USART_TypeDef;
#define USART_TDR_TDR 0x1FFu
typedef struct { USART_TypeDef *Instance; } UART_HandleTypeDef;
typedef enum { HAL_OK, HAL_ERROR, HAL_BUSY, HAL_TIMEOUT } HAL_StatusTypeDef;
#define UART_FLAG_TXE 0x80u
#define __HAL_UART_GET_FLAG(handle, flag) (((handle)->Instance->ISR & (flag)) == (flag))

extern UART_HandleTypeDef hlpuart1;
HAL_StatusTypeDef HAL_UART_Receive_IT(UART_HandleTypeDef *huart, uint8_t *pData, uint16_t Size);
void HAL_UART_RxCpltCallback(UART_HandleTypeDef *huart);
void HAL_UART_ErrorCallback(UART_HandleTypeDef *huart);
uint32_t HAL_GetTick(void);
void tg_port_start(void);

typedef struct { volatile uint32_t CTRL, LOAD, VAL, CALIB; } SysTick_Type;
extern SysTick_Type *const SysTick;
extern uint32_t SystemCoreClock;

#endif
